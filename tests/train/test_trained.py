"""What is trained, and when the model is the probe instead."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.model.probe_head import start_from_probe
from stages.stats.metrics_record import Verdict
from stages.train.infer import predict_batches
from stages.train.recipe import DEEP, FROM_PROBE, HEAD_FIRST
from stages.train.trained import train_from
from stages.train.trial import (
    FEWEST_IMAGES,
    try_anew,
)
from tests.train.test_trial import IMAGES, loaders, probe_start, run_of, silent, with_answers
from tests.train.tiny_training import CPU, tiny_model


@pytest.mark.parametrize(("right", "verdict"), [(True, "worse"), (False, "better")])
def test_the_worse_of_two_models_is_never_kept(
    right: bool, verdict: Verdict, tmp_path: Path
) -> None:
    """Where the trial says worse the model is the probe, as it is; otherwise it is fine-tuned."""
    data = loaders(by_colour=False)
    told: list[object] = []
    run = run_of(tmp_path, data, epochs=2)
    run = replace(run, task=replace(run.task, epoch_ended=lambda epochs: told.append(epochs[-1])))
    start = with_answers(probe_start(run, data), right)
    trained = train_from(start, FROM_PROBE, run, 0.02, silent)
    result = trained.result
    assert trained.trial is not None
    assert trained.trial.comparison.verdict == verdict
    probe = tiny_model(head="linear")
    start_from_probe(probe, start.probe)
    as_probe = predict_batches(probe, data.valid_batches(), CPU, "cross_entropy").pred_probs
    kept = np.array_equal(result.validation.pred_probs, as_probe)
    assert kept == (verdict == "worse")
    assert [row.phase for row in result.epochs] == (["probe"] if kept else ["unfrozen"] * 2)
    assert np.isnan(result.margins).all() == kept
    assert told == result.epochs  # and none of the trial's
    assert trained.training_record(FROM_PROBE, start, None)["trial"] == trained.trial.as_dict()
    metrics = trained.metrics(0.02)
    assert (metrics["error_rate"], metrics["base_lr"]) == (result.epochs[-1].error_rate, 0.02)


def test_without_enough_images_there_is_no_trial(tmp_path: Path) -> None:
    """With fewer held-out images than a test can decide by, or without the param, none is made."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1)
    start = probe_start(run, data)
    few = slice(0, FEWEST_IMAGES - 1)
    too_few = replace(start, held_out=start.held_out[few], held_out_right=start.held_out_right[few])
    assert train_from(too_few, FROM_PROBE, run, 0.02, silent).trial is None
    without = run_of(tmp_path / "other", data, epochs=1, trial=False)
    assert train_from(start, FROM_PROBE, without, 0.02, silent).trial is None


def test_a_model_that_cannot_be_the_probe_has_no_trial(tmp_path: Path) -> None:
    """Another head or loss is fine-tuned from its own start."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1, loss="bce")
    start = probe_start(run, data)
    trained = train_from(start, HEAD_FIRST, run, 0.02, silent)
    assert trained.trial is None
    assert [row.phase for row in trained.result.epochs] == ["unfrozen"]


def test_what_is_trained_is_said_before_the_first_epoch(tmp_path: Path) -> None:
    """Network, images, size, epochs and rate come first; a line of a trial begins with its name."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1)
    lines: list[str] = []
    train_from(probe_start(run, data), FROM_PROBE, run, 0.02, lines.append)
    assert lines[0] == (
        f"Training {run.model_params.arch} on {IMAGES} images at {data.augment.size} pixels: "
        "1 epoch, rate 0.02"
    )
    assert lines[1].startswith("trial: epoch ")
    lines.clear()
    other = run_of(tmp_path / "anew", data, epochs=1)
    try_anew(probe_start(other, data), other, 0.02, lines.append)
    assert lines[0].startswith("trial of learning anew: epoch ")


def test_learning_anew_has_no_trial_in_the_end(tmp_path: Path) -> None:
    """What was tried before, or by a recipe that was named, is trained at once."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1)
    trained = train_from(probe_start(run, data), DEEP, run, 0.02, silent)
    assert trained.trial is None
    assert [row.phase for row in trained.result.epochs] == ["unfrozen"]


def test_half_of_the_weights_are_the_probes(tmp_path: Path) -> None:
    """With a share of a half, every weight ends half way from the probe to the trained one."""
    data = loaders()
    ends = {}
    for share in (1.0, 0.5):
        run = run_of(tmp_path, data, epochs=1, trial=False, trained_share=share)
        start = probe_start(run, data)
        result = train_from(start, FROM_PROBE, run, 0.02, silent).result
        ends[share] = run.task.model.state_dict()
        run.task.checkpoints.remove()
    first = tiny_model(head="linear")
    start_from_probe(first, start.probe)
    for name, tensor in first.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(ends[0.5][name], (tensor + ends[1.0][name]) / 2, atol=1e-5), name
    assert [row.phase for row in result.epochs] == ["unfrozen", "averaged"]
    assert result.metrics()["train_loss"] == result.epochs[0].train_loss


def test_a_start_that_is_no_model_is_not_averaged(tmp_path: Path) -> None:
    """From a head of zeros all of the weights are the trained ones, whatever trained_share says."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1, trial=False, trained_share=0.5)
    trained = train_from(probe_start(run, data), DEEP, run, 0.02, silent)
    assert [row.phase for row in trained.result.epochs] == ["unfrozen"]
    assert trained.run.recipe_record("deep", probe_start(run, data), None)["trained_share"] == 1.0
