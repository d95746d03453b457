"""The result of a fold as a file, and the epochs of all folds as those of one history."""

from pathlib import Path

import numpy as np
import pytest

from stages.train.checkpoint import Checkpoints
from stages.train.fold_result import FoldResult, finished_fold, fold_state, pool_epochs
from stages.train.infer import Inference
from stages.train.loop import fine_tune
from stages.train.progress import HistoryPhase, HistoryRow
from tests.train.tiny_training import tiny_task

NAN = float("nan")
RESULT = FoldResult(
    epochs=[HistoryRow(1, "unfrozen", 0.01, 0.5, 0.1 + 0.2, 0.5)],
    validation=Inference(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), 0.1 + 0.2),
    explained=np.array([1]),
    maps=np.array([[[0.0, 0.5], [1.0, 0.25]]], np.float32),
)


def row(epoch: int, loss: float, error: float, phase: HistoryPhase = "unfrozen") -> HistoryRow:
    """Return an epoch of a fold."""
    return HistoryRow(epoch, phase, 0.01, 0.9, loss, error)


def without(epoch: int, phase: HistoryPhase = "unfrozen") -> HistoryRow:
    """Return an epoch of the run on all images, which validates nothing."""
    return HistoryRow(epoch, phase, 0.02, 0.7, NAN, NAN)


@pytest.mark.parametrize("maps", [RESULT.maps, np.zeros((0, 0, 0), np.float32)])
def test_a_finished_fold_comes_back_from_its_file(maps: np.ndarray, tmp_path: Path) -> None:
    """Every number is the same, with maps and where a network has none."""
    explained = RESULT.explained[: len(maps)]
    result = FoldResult(
        epochs=RESULT.epochs, validation=RESULT.validation, explained=explained, maps=maps
    )
    Checkpoints(tmp_path / "file", {"run": 1}).save(lambda: fold_state(result), "finished")
    state, message = Checkpoints(tmp_path / "file", {"run": 1}).load()
    assert message.endswith(": finished")
    read = finished_fold(state)
    assert read is not None
    assert read.epochs == result.epochs
    assert read.validation.loss == result.validation.loss
    assert np.array_equal(read.validation.pred_probs, result.validation.pred_probs)
    assert np.array_equal(read.explained, explained)
    assert np.array_equal(read.maps, maps)


def test_a_training_under_way_is_no_finished_fold(tmp_path: Path) -> None:
    """A checkpoint of training holds no result, nor does a file that is not there."""
    assert finished_fold(None) is None
    task = tiny_task(tmp_path / "file")
    fine_tune(task, 0.02, lambda _: None)
    state, _ = task.checkpoints.load()
    assert state is not None
    assert finished_fold(state) is None


def test_validation_is_the_mean_over_images() -> None:
    """Loss and error of each epoch are means over the folds, weighted by their images."""
    folds = [[row(1, 1.0, 0.5), row(2, 0.4, 0.25)], [row(1, 2.0, 1.0), row(2, 0.8, 0.0)]]
    pooled = pool_epochs([without(1), without(2)], folds, [30, 10])
    assert [one.valid_loss for one in pooled] == pytest.approx([1.25, 0.5])
    assert [one.error_rate for one in pooled] == pytest.approx([0.625, 0.1875])
    assert all(one.lr == 0.02 and one.train_loss == 0.7 for one in pooled)


@pytest.mark.parametrize(("mine", "theirs"), [(4, 3), (3, 4), (3, 3), (1, 2)])
def test_epochs_meet_at_the_same_part_of_training(mine: int, theirs: int) -> None:
    """The last epochs, and the averages after them, meet even where a fold has one more or less."""
    fold = [row(n, float(n), 0.0) for n in range(1, theirs + 1)]
    fold.append(row(theirs + 1, 99.0, 0.5, "averaged"))
    epochs = [without(n) for n in range(1, mine + 1)]
    epochs.append(without(mine + 1, "averaged"))
    losses = [one.valid_loss for one in pool_epochs(epochs, [fold], [1])]
    assert losses[-2:] == [float(theirs), 99.0]
    assert losses == sorted(losses)


def test_without_training_the_probe_meets_the_probes() -> None:
    """Where nothing was trained the one row has the mean of the folds' probes."""
    folds = [[row(1, 1.0, 0.0, "probe")], [row(1, 3.0, 1.0, "probe")]]
    [pooled] = pool_epochs([without(1, "probe")], folds, [1, 1])
    assert (pooled.valid_loss, pooled.error_rate) == (2.0, 0.5)
