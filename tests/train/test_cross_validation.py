"""Cross-validation: who predicts whom, what is kept of a run that ended, and which model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.model.classifier import mean_activations
from stages.model.probe_head import start_from_probe
from stages.train import cross_validation
from stages.train.cross_validation import CrossValidated, cross_validate, train_model
from stages.train.discriminant import fit_probe
from stages.train.fold_probes import ProbeImages, with_fold_probes
from stages.train.infer import pooled_features, predict_batches
from stages.train.linear_probe import fit_probe_start
from stages.train.loop import fine_tune
from stages.train.probe_start import ProbeStart
from stages.train.recipe import DEEP, FROM_PROBE
from stages.train.result import history_table
from stages.train.run import TrainingRun
from stages.train.training_data import TrainingData
from tests.train.test_trial import loaders, run_of, silent
from tests.train.tiny_training import CPU, tiny_model

SEEN = 30  # images that the tests look at: enough for three folds of ten
FOLD_OF = np.arange(SEEN) % 3 + 1
FOLDS = {number: np.where(number == FOLD_OF, "valid", "train").astype("U8") for number in (1, 2, 3)}
FOLDS[2][:3] = ["excluded", "valid", "train"]  # the first image is also in a picture of fold 2


def folded(by_colour: bool = True, swapped: int = 0) -> DataLoaders:
    """Return images by folds; swapped: the fold whose labels are others."""
    data = loaders(by_colour)
    train = data.train.subset(np.arange(SEEN))
    targets = train.targets.copy()
    unseen = FOLDS[swapped] != "train" if swapped else np.zeros(SEEN, bool)
    targets[unseen] = (targets[unseen] + 1) % 3
    train = replace(train, targets=targets)
    return replace(data, train=train, valid=train.subset(np.arange(0)), folds=FOLDS)


def start_of(run: TrainingRun) -> ProbeStart:
    """Return the probes on the features of the model as it is, with one for each fold."""
    data = run.loaders
    batches = list(replace(data, valid=data.train).valid_batches())
    pooled = np.concatenate([*pooled_features(run.task.model, batches, CPU)])
    paths = np.array(data.train.paths)
    targets = data.train.targets
    groups = np.arange(SEEN)
    probe = fit_probe(mean_activations(pooled), targets)
    start = fit_probe_start(probe, pooled, targets, groups, paths, 3)
    images = ProbeImages(paths=paths, targets=targets, groups=groups, pooled=pooled)
    return with_fold_probes(start, images, FOLDS, 3)[0]


def with_answers(start: ProbeStart, right: bool) -> ProbeStart:
    """Return the probes as if each had its fold right, or wrong."""
    folds = {
        number: replace(fold, right=np.full(len(fold.right), right))
        for number, fold in start.folds.items()
    }
    return replace(start, folds=folds)


def trained(folder: Path, data: DataLoaders, **changes: Any) -> CrossValidated:
    """Return what cross-validation of a tiny model gives, in two epochs from the probe."""
    run = run_of(folder, data, **{"epochs": 2, **changes})
    result = train_model(start_of(run), FROM_PROBE, run, 0.02, silent)
    assert isinstance(result, CrossValidated)
    return result


def test_each_image_is_predicted_by_the_model_of_the_other_folds(tmp_path: Path) -> None:
    """The predictions of a fold are those of a model trained on what trains without it."""
    data = folded()
    result = trained(tmp_path / "all", data, trial=False)
    predictions = result.predictions(["a", "b", "c"])
    assert predictions.paths.tolist() == predictions.train_paths.tolist() == data.train.paths
    assert predictions.folds is not None
    assert predictions.folds.tolist() == FOLD_OF.tolist()
    for number, side in FOLDS.items():
        part = data.of_fold(number)
        assert set(part.train.paths) == {data.train.paths[row] for row in range(SEEN)
                                         if side[row] == "train"}  # fmt: skip
        run = run_of(tmp_path / str(number), part, epochs=2)
        start_from_probe(run.task.model, start_of(run_of(tmp_path, data)).folds[number].probe)
        expected = fine_tune(run.task, 0.02, silent).validation.pred_probs
        assert np.array_equal(predictions.pred_probs[side == "valid"], expected)


def test_the_model_that_is_kept_is_trained_on_all_images(tmp_path: Path) -> None:
    """Its weights and margins are those of one run on all images from the probe of all."""
    data = folded()
    result = trained(tmp_path / "folds", data, trial=False)
    run = run_of(tmp_path / "one", data, epochs=2)
    start_from_probe(run.task.model, start_of(run_of(tmp_path, data)).probe)
    alone = fine_tune(run.task, 0.02, silent)
    weights = result.run.task.model.state_dict()
    assert all(torch.equal(value, weights[k]) for k, value in run.task.model.state_dict().items())
    assert np.array_equal(result.result.margins, alone.margins, equal_nan=True)
    assert [row.train_loss for row in result.result.epochs] == [
        row.train_loss for row in alone.epochs
    ]
    assert "trained without its fold" in str(result)


@pytest.mark.parametrize("number", FOLDS)
def test_labels_of_a_fold_do_not_reach_who_predicts_it(number: int, tmp_path: Path) -> None:
    """With other labels in a fold its predictions are the same to the byte, and others change."""
    first = trained(tmp_path / "first", folded(), trial=False).result.validation.pred_probs
    swapped = folded(swapped=number)
    again = trained(tmp_path / "again", swapped, trial=False).result.validation.pred_probs
    fold = FOLDS[number] == "valid"
    assert np.array_equal(first[fold], again[fold])
    assert not np.array_equal(first[~fold], again[~fold])


def test_the_history_has_the_mean_validation_of_the_folds(tmp_path: Path) -> None:
    """Its last error is that of all predictions together, and every epoch has one."""
    result = trained(tmp_path, folded(), trial=False).result
    wrong = result.validation.pred_probs.argmax(axis=1) != folded().train.targets
    assert result.metrics()["error_rate"] == wrong.mean()
    history = history_table(result.epochs)
    assert len(history) == 2
    assert history["valid_loss"].notna().all()
    assert history["error_rate"].between(0, 1).all()


def test_a_run_that_ended_keeps_its_finished_folds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failure in fold 2 the next run trains fold 1 no more, and ends in the same bytes."""
    data = folded()
    whole = trained(tmp_path / "whole", data)
    lines: list[str] = []

    class Failing(DataLoaders):
        """Loaders of which those of the second fold fail."""

        def of_fold(self, number: int) -> DataLoaders:
            if number == 2:
                raise RuntimeError("stopped")
            return super().of_fold(number)

    with pytest.raises(RuntimeError, match="stopped"):
        trained(tmp_path / "stopped", Failing(**vars(data)))
    run = run_of(tmp_path / "stopped", data, epochs=2)
    again = cross_validate(start_of(run), FROM_PROBE, run, 0.02, lines.append)
    assert any(line.startswith("fold 1 of 3: Going on from") for line in lines)
    assert not any(line.startswith("fold 1 of 3: epoch") for line in lines)
    assert any(line.startswith("fold 2 of 3: epoch") for line in lines)
    assert again.trial == whole.trial
    assert again.result.epochs == whole.result.epochs
    first = again.predictions(["a", "b", "c"])
    second = whole.predictions(["a", "b", "c"])
    for name in ("pred_probs", "train_margins", "map_paths", "maps", "folds"):
        a, b = (getattr(one, name) for one in (first, second))
        assert np.array_equal(a, b, equal_nan=name == "train_margins"), name
    run.task.checkpoints.remove()
    assert list((tmp_path / "stopped").iterdir()) == []


def test_the_trainings_are_announced_with_their_time(tmp_path: Path) -> None:
    """Before the first it says how many there are, and behind it about how long all take."""
    lines: list[str] = []
    run = run_of(tmp_path, folded(), epochs=1)
    cross_validate(start_of(run), FROM_PROBE, run, 0.02, lines.append)
    assert lines[0] == "4 trainings: one without each of 3 folds, then one on all images"
    assert lines[1] == "fold 1 of 3: 20 images train, 10 validate"
    [time] = [line for line in lines if "all of it takes about" in line]
    assert time.startswith("fold 1 of 3: took ")
    assert lines.index(time) < lines.index(next(x for x in lines if x.startswith("fold 2 of 3")))
    assert lines[-1].startswith("all images: epoch   1 unfrozen  train loss")
    assert "valid" not in lines[-1]


def test_where_the_folds_are_worse_than_their_probes_the_model_is_the_probe(
    tmp_path: Path,
) -> None:
    """The predictions are then those of the probes, each of the fold that it has not seen."""
    data = folded(by_colour=False)
    run = run_of(tmp_path, data, epochs=1)
    start = with_answers(start_of(run), True)
    result = cross_validate(start, FROM_PROBE, run, 0.02, silent)
    assert result.trial is not None
    assert (result.trial.comparison.verdict, result.trial.probe_errors) == ("worse", 0)
    assert [row.phase for row in result.result.epochs] == ["probe"]
    assert np.isnan(result.result.margins).all()
    for number, side in FOLDS.items():
        model = tiny_model(head="linear")
        start_from_probe(model, start.folds[number].probe)
        batches = TrainingData.from_loaders(data.of_fold(number)).valid_batches()
        expected = predict_batches(model, batches, CPU, "cross_entropy").pred_probs
        assert np.array_equal(result.result.validation.pred_probs[side == "valid"], expected)
    kept = tiny_model(head="linear")
    start_from_probe(kept, start.probe)
    weights = result.run.task.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in kept.state_dict().items())


def test_learning_anew_is_not_compared_again(tmp_path: Path) -> None:
    """A deep recipe starts from zeros in every fold, and its trial was before."""
    data = folded(by_colour=False)
    run = run_of(tmp_path, data, epochs=1)
    result = cross_validate(with_answers(start_of(run), True), DEEP, run, 0.02, silent)
    assert result.trial is None
    assert [row.phase for row in result.result.epochs] == ["unfrozen"]


def test_without_a_trial_nothing_is_compared(tmp_path: Path) -> None:
    """With fine_tune.trial false, or a loss that cannot be the probe's, the model is fine-tuned."""
    data = folded(by_colour=False)
    run = run_of(tmp_path, data, epochs=1, trial=False)
    start = with_answers(start_of(run), True)
    assert cross_validate(start, FROM_PROBE, run, 0.02, silent).trial is None
    bce = run_of(tmp_path / "bce", data, epochs=1, loss="bce")
    result = cross_validate(start, DEEP, bce, 0.02, silent)
    assert result.trial is None
    assert [row.phase for row in result.result.epochs] == ["unfrozen"]


def test_maps_are_of_the_model_that_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every explained image has the map that the model of its own fold gave it."""
    given: dict[str, int] = {}

    def numbered(model: object, batches: Iterator[Batch], compute: object) -> np.ndarray:
        count = sum(len(batch.rows) for batch in batches)
        given["calls"] = given.get("calls", 0) + 1
        return np.full((count, 2, 2), given["calls"] / 10, np.float32)

    monkeypatch.setattr(cross_validation, "saliency_maps", numbered)
    predictions = trained(tmp_path, folded(), trial=False).predictions(["a", "b", "c"])
    fold_of = dict(zip(predictions.paths.tolist(), FOLD_OF.tolist(), strict=True))
    assert len(predictions.map_paths) == SEEN  # fewer than the page shows
    for path, one in predictions.map_of().items():
        assert one == pytest.approx(fold_of[path] / 10)
