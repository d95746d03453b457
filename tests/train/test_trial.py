"""The trial before training: whether fine-tuning is worse than the probe, and what follows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.base.ranks import Rank
from stages.batch import dataloaders
from stages.batch.balance import BalanceName
from stages.batch.batches import Batch, BatchPlan
from stages.batch.dataloaders import DataLoaders
from stages.batch.image_set import ImageSet
from stages.batch.loader import train_batches
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.model.classifier import mean_activations
from stages.model.model_params import ModelParams
from stages.model.probe_head import start_from_probe
from stages.train.checkpoint import Checkpoints
from stages.train.discriminant import fit_probe
from stages.train.infer import pooled_features, predict_batches
from stages.train.linear_probe import fit_probe_start
from stages.train.loop import fine_tune
from stages.train.probe_start import ProbeStart
from stages.train.run import TrainingRun
from stages.train.step import make_trainer
from stages.train.training_data import TrainingData, TrainingTask
from stages.train.trial import (
    FEWEST_IMAGES,
    can_try,
    trial_epochs,
    try_anew,
    try_fine_tuning,
)
from tests.train.tiny_training import CPU, changed_params, tiny_model

SIZE = 8
IMAGES = 120
AUGMENT = AugmentParams(
    size=16, min_scale=1.0, max_rotate=0.0, max_zoom=1.0, max_warp=0.0, max_lighting=0.0,
    max_darkening=0.0, p_affine=0.0, p_lighting=0.0, flip=False,
)  # fmt: skip


def silent(line: str) -> None:
    """Print nothing."""


def photos(count: int, seed: int, by_colour: bool) -> ImageSet:
    """Return pictures of three classes: told apart by their colour, or by nothing at all."""
    generator = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    pixels = generator.integers(60, 130, (count, 20, 20, 3))
    if by_colour:
        pixels[np.arange(count), :, :, targets] += 100
    images = [torch.from_numpy(one.astype(np.uint8)) for one in pixels]
    names = [f"{seed}_{number:03}.png" for number in range(count)]
    return ImageSet(names, targets.astype(np.int64), images.__getitem__)


def loaders(by_colour: bool = True) -> DataLoaders:
    """Return both sides of a split of small pictures."""
    return DataLoaders(
        train=photos(IMAGES, 1, by_colour),
        valid=photos(30, 2, by_colour),
        classes=3,
        render=RenderSpec(size=16, mean=(0.5,) * 3, std=(0.5,) * 3, device=CPU.device),
        augment=AUGMENT,
        plan=BatchPlan(batch_size=SIZE, seed=1),
    )


def task(folder: Path, data: DataLoaders, **changes: object) -> TrainingTask:
    """Return a run of a tiny model on these pictures, with a trial."""
    params = changed_params(**{"freeze_epochs": 0, "trial": True, "batch_size": SIZE, **changes})
    checkpoints = Checkpoints(folder / "checkpoint", {})
    model = tiny_model(head="linear")
    return TrainingTask(model, params, CPU, TrainingData.from_loaders(data), checkpoints, 1)


def run_of(folder: Path, data: DataLoaders, **changes: object) -> TrainingRun:
    """Return the same task as a run."""
    trained = task(folder, data, **changes)
    model = ModelParams(arch="tiny", weights="none", head="linear", cut="none")
    return TrainingRun(model_params=model, task=trained, loaders=data)


def probe_start(run: TrainingRun, data: DataLoaders) -> ProbeStart:
    """Return the probes on the features of the model as it is."""
    batches = list(replace(data, valid=data.train).valid_batches())
    pooled = np.concatenate([*pooled_features(run.task.model, batches, CPU)])
    paths = np.array(data.train.paths)
    targets = data.train.targets
    probe = fit_probe(mean_activations(pooled), targets)
    return fit_probe_start(probe, pooled, targets, np.arange(IMAGES), paths, 3)


def with_answers(start: ProbeStart, right: bool) -> ProbeStart:
    """Return the probes as if the trial's had each held-out image right, or wrong."""
    return replace(start, held_out_right=np.full(len(start.held_out), right))


def test_what_is_better_already_ends_the_trial_early(tmp_path: Path) -> None:
    """Against a probe that is always wrong, one epoch of ten is enough to be better."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=10)
    trial = try_fine_tuning(with_answers(probe_start(run, data), False), run, 0.02, silent)
    assert trial.comparison.verdict == "better"
    assert trial.epochs == 1
    assert trial.probe_errors == trial.comparison.images == IMAGES // 5


def test_a_trial_learns_from_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No held-out image is in a batch of the trial, and the model of the real run stays fresh."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1)
    start = probe_start(run, data)
    learned: set[str] = set()

    def recorded(images: ImageSet, *others: Any) -> Iterator[Batch]:
        for batch in train_batches(images, *others):
            learned.update(images.paths[row] for row in batch.rows)
            yield batch

    monkeypatch.setattr(dataloaders, "train_batches", recorded)
    before = [tensor.clone() for tensor in run.task.model.state_dict().values()]
    try_fine_tuning(start, run, 0.02, silent)
    assert learned == set(data.train.paths) - set(start.held_out)
    after = list(run.task.model.state_dict().values())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_trial_ends_early_in_its_last_phase_alone(tmp_path: Path) -> None:
    """With the head alone first, being better then is not enough: unfreezing may yet spoil it."""
    data = loaders()
    run = run_of(tmp_path, data, freeze_epochs=2, epochs=4)
    start = with_answers(probe_start(run, data), False)
    assert try_fine_tuning(start, run, 0.02, silent).epochs == 2


def test_training_from_the_probe_is_tried_for_a_third_of_its_epochs(tmp_path: Path) -> None:
    """Where it does not become better before, the trial ends after a third of the epochs."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=6)
    start = with_answers(probe_start(run, data), True)
    assert try_fine_tuning(start, run, 0.02, silent).epochs == 2


def test_a_trial_takes_an_epoch_at_least() -> None:
    """A third of two epochs would hardly train; of less than one a trial takes all."""
    assert trial_epochs(6) == 2
    assert trial_epochs(2) == 1
    assert trial_epochs(0.5) == 0.5
    assert trial_epochs(0) == 0


def test_uneven_shares_have_no_trial(tmp_path: Path) -> None:
    """Several processes make no trial where one of them would have no image or a smaller share."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1)
    start = probe_start(run, data)
    assert can_try(start, run.task, data)
    many = replace(run.task, compute=replace(CPU, rank=Rank(number=0, count=60)))
    assert not can_try(start, many, data)
    large = replace(
        run.task, compute=replace(CPU, rank=Rank(number=0, count=2)),
        params=changed_params(batch_size=100),
    )  # fmt: skip
    assert not can_try(start, large, data)


def test_a_trial_counts_groups_of_images(tmp_path: Path) -> None:
    """With few groups no result would be significant, so there is none; with many p is theirs."""
    data = loaders()
    run = run_of(tmp_path, data)
    start = probe_start(run, data)
    few = replace(start, held_out_groups=np.arange(len(start.held_out)) % (FEWEST_IMAGES - 1))
    assert not can_try(few, run.task, data)
    many = replace(start, held_out_groups=np.arange(len(start.held_out)) % FEWEST_IMAGES)
    assert can_try(many, run.task, data)
    trial = try_fine_tuning(with_answers(many, right=True), run, 1e-3, silent)
    assert trial.comparison.groups == FEWEST_IMAGES
    assert trial.as_dict()["groups"] == FEWEST_IMAGES
    assert f"of {FEWEST_IMAGES} groups held out" in str(trial)
    assert trial.comparison.p >= 1 / 32


def test_learning_anew_is_tried_for_a_third_of_its_epochs(tmp_path: Path) -> None:
    """The trial ends after a third of the epochs, and leaves the run as it was."""
    data = loaders(by_colour=False)
    run = run_of(tmp_path, data, epochs=6)
    before = [tensor.clone() for tensor in run.task.model.state_dict().values()]
    trial = try_anew(with_answers(probe_start(run, data), True), run, 0.02, silent)
    assert trial.epochs == 2
    assert trial.probe_errors == 0 < trial.errors
    assert not trial.errs_least
    after = list(run.task.model.state_dict().values())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert run.task.params.epochs == 6


def test_errors_of_another_trial_stand_beside_its_own(tmp_path: Path) -> None:
    """It errs least where it errs on fewer than the probe and than the other, if there is one."""
    data = loaders()
    run = run_of(tmp_path, data, epochs=1)
    trial = try_fine_tuning(with_answers(probe_start(run, data), False), run, 1e-3, silent)
    assert "other_errors" not in trial.as_dict()
    for errors, probe, other, least in [(3, 4, 4, True), (3, 4, 3, False), (1, 4, 0, False)]:
        found = replace(trial, errors=errors, probe_errors=probe)
        beside = found.beside(replace(trial, errors=other))
        assert found.errs_least
        assert beside.errs_least == least
        assert beside.as_dict()["other_errors"] == other
        assert str(beside) == f"{found}; training from the probe errs on {other}"
    assert not replace(trial, errors=4, probe_errors=4).errs_least


def test_a_trial_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that a failure ended in its second epoch ends with the result of a whole one."""
    data = loaders(by_colour=False)
    run = run_of(tmp_path / "whole", data, epochs=6)
    start = with_answers(probe_start(run, data), True)
    whole = try_fine_tuning(start, run, 0.02, silent)

    stopped = run_of(tmp_path / "stopped", data, epochs=6)
    lines: list[str] = []
    monkeypatch.setattr(Checkpoints, "due", lambda self, epoch_ends: epoch_ends)

    class Stopping(DataLoaders):
        """Loaders that fail in the second epoch."""

        def train_batches(self, epoch: int, first_step: int) -> Iterator[Batch]:
            if epoch == 2:
                raise RuntimeError("stopped")
            return super().train_batches(epoch, first_step)

    failing = Stopping(**vars(data))
    with pytest.raises(RuntimeError, match="stopped"):
        try_fine_tuning(start, replace(stopped, loaders=failing), 0.02, silent)
    again = try_fine_tuning(start, stopped, 0.02, lines.append)
    assert any("Going on from" in line for line in lines)
    assert again == whole


def unequal(data: DataLoaders, balance: BalanceName) -> DataLoaders:
    """Return the same pictures with most of the labels of one class, whatever they show."""
    targets = np.random.default_rng(3).choice(3, IMAGES, p=[0.8, 0.15, 0.05])
    train = replace(data.train, targets=targets)
    return replace(data, train=train, plan=replace(data.plan, balance=balance))


@pytest.mark.parametrize("balance", ["none", "sqrt", "full"])
def test_probabilities_are_for_classes_as_frequent_as_in_training(
    tmp_path: Path, balance: BalanceName
) -> None:
    """Of pictures that are all grey, each class has its frequency in the training images."""
    data = unequal(loaders(), balance)
    grey = torch.full((20, 20, 3), 100, dtype=torch.uint8)
    data = replace(data, train=replace(data.train, load_image=lambda _: grey))
    trained = task(tmp_path, data, epochs=10, train_bn=False, frozen_share=1.0)
    fine_tune(trained, 0.1, silent)
    seen = replace(data, valid=data.train).valid_batches()
    answers = predict_batches(trained.model, seen, CPU, "cross_entropy")
    frequencies = np.bincount(data.train.targets) / IMAGES
    assert answers.pred_probs.mean(axis=0) == pytest.approx(frequencies, abs=0.06)


def test_a_balanced_run_starts_with_the_answers_of_the_probe(tmp_path: Path) -> None:
    """At a rate of next to nothing it ends with them too, although rare classes come more often."""
    data = unequal(loaders(), "full")
    run = run_of(tmp_path, data, epochs=1, trial=False, base_lr=1e-9)
    start = probe_start(run, data)
    start_from_probe(run.task.model, start.probe)
    before = predict_batches(run.task.model, data.valid_batches(), CPU, "cross_entropy")
    seen = next(iter(run.task.data.train_batches(1, 0)))
    assert (seen.targets == 2).sum() > 0
    trainer = make_trainer(run.task.model.eval(), CPU, "cross_entropy", 0.0, 1, data.log_ratios)
    trainer.step(seen, [1e-9, 1e-9], 0.95, 0)
    after = predict_batches(run.task.model, data.valid_batches(), CPU, "cross_entropy")
    assert after.pred_probs == pytest.approx(before.pred_probs, abs=1e-5)
