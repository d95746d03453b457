"""A training run is opened with what a recipe sets, on the photos that all recipes share."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stages.base.errors import UserError
from stages.base.ranks import SINGLE_PROCESS
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import DataLoaders
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.model.model_params import ModelParams
from stages.stats.metrics_record import TrialRecord
from stages.train.device import choose_kernels
from stages.train.run import RunInputs, RunParams, TrainingRun, open_run
from tests.train.test_candidates import fitted
from tests.train.test_trial import AUGMENT, IMAGES, loaders
from tests.train.tiny_training import changed_params

PARAMS = RunParams(
    augment=AUGMENT.model_copy(update={"size": 32}),
    model=ModelParams(arch="test_resnet", weights="none", head="linear", cut="none"),
    fine_tune=changed_params(batch_size=8, frozen_share=0.25),
)

ANEW = TrialRecord(images=60, errors=2, probe_errors=11, epochs=4, p=0.01, verdict="better")


def open_loaders(render: RenderSpec, augment: AugmentParams, plan: BatchPlan) -> DataLoaders:
    """Return small pictures of three classes, as they are asked for."""
    pictures = loaders()
    return DataLoaders(
        train=pictures.train, valid=pictures.valid, classes=pictures.classes, render=render,
        augment=augment, plan=plan,
    )  # fmt: skip


def run_inputs(folder: Path, seed: int = 1) -> RunInputs:
    """Return what is the same for every recipe."""
    return RunInputs(
        open_loaders=open_loaders, classes=3, seed=seed, device="cpu", rank=SINGLE_PROCESS,
        checkpoints=folder / "checkpoint", fingerprints={"code": "0123"},
    )  # fmt: skip


def opened(folder: Path, seed: int = 1) -> TrainingRun:
    """Return a run of a tiny model."""
    return open_run(PARAMS, run_inputs(folder, seed))


def test_the_photos_have_the_size_of_the_recipe(tmp_path: Path) -> None:
    """Batches are of its size and number, and the model takes them."""
    run = opened(tmp_path)
    batch = next(iter(run.task.data.train_batches(1, 0)))
    assert batch.images.shape == (8, 3, 32, 32)
    assert run.task.data.train_images == IMAGES
    assert run.task.model(batch.images).shape == (8, 3)


def test_photos_that_do_not_fit_give_the_advice(tmp_path: Path) -> None:
    """Memory that is wanted while the photos are opened names the batch size to try."""

    def too_many(render: RenderSpec, augment: AugmentParams, plan: BatchPlan) -> DataLoaders:
        raise torch.OutOfMemoryError("CUDA out of memory")

    inputs = replace(run_inputs(tmp_path), open_loaders=too_many)
    with pytest.raises(UserError, match=r"set fine_tune\.batch_size: 4"):
        open_run(PARAMS, inputs)


def test_the_model_is_drawn_from_the_seed(tmp_path: Path) -> None:
    """Two runs of a seed start with the same weights, and of another seed with others."""
    first, second, other = (opened(tmp_path, seed).task.model.state_dict() for seed in (1, 1, 2))
    assert all(first[name].equal(second[name]) for name in first)
    assert not all(first[name].equal(other[name]) for name in first)


def test_the_card_says_how_kernels_were_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FINETRACK_KERNELS is taken where nothing is given, and is in the card and the facts."""
    monkeypatch.setenv("FINETRACK_KERNELS", "any")
    try:
        run = opened(tmp_path)
        assert run.task.compute.kernels == "any"
        assert run.card(["a", "b", "c"], 460, 0.02).kernels == "any"
    finally:
        choose_kernels("same")
    monkeypatch.delenv("FINETRACK_KERNELS")
    assert opened(tmp_path).card(["a", "b", "c"], 460, 0.02).kernels == "same"


def test_the_card_and_the_record_say_what_was_trained(tmp_path: Path) -> None:
    """Both name the values of the run, not the word auto."""
    run = opened(tmp_path)
    card = run.card(["a", "b", "c"], 460, 0.02)
    assert (card.size, card.params.arch, card.presize, card.seed) == (32, "test_resnet", 460, 1)
    record = run.recipe_record("deep", fitted(0.31, 0.12, 800), ANEW)
    assert (record["name"], record["probe_error"], record["shallow_error"]) == ("deep", 0.31, 0.12)
    assert run.recipe_record("deep", fitted(0.31, math.nan, 800), None)["shallow_error"] is None
    assert record["anew"] == ANEW
    assert (record["arch"], record["size"], record["epochs"]) == ("test_resnet", 32, 3)
    assert record["frozen_share"] == 0.25
