"""What training gives: its history, its metrics and its predictions."""

import numpy as np
import pytest

from stages.train.infer import NO_INFERENCE, Inference
from stages.train.progress import HistoryRow
from stages.train.result import TrainingResult, history_table

VALIDATION = Inference(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), 0.3)
TRAINED = HistoryRow(1, "unfrozen", 0.01, 0.5, 0.4, 0.5)
AVERAGED = HistoryRow(2, "averaged", 0.0, float("nan"), 0.3, 0.25)
PROBE = HistoryRow(1, "probe", 0.0, float("nan"), 0.3, 0.5)


def result(*epochs: HistoryRow) -> TrainingResult:
    """Return a result of these epochs."""
    return TrainingResult(list(epochs), np.zeros(4, np.float32), VALIDATION)


def test_the_end_is_the_average() -> None:
    """Error and validation loss are those of averaged weights, the train loss of the last epoch."""
    metrics = result(TRAINED, AVERAGED).metrics()
    assert metrics == {
        "error_rate": 0.25, "accuracy": 0.75, "train_loss": 0.5, "valid_loss": 0.3,
    }  # fmt: skip


def test_without_training_there_is_no_train_loss() -> None:
    """The probe, as it is, has a validation loss only."""
    metrics = result(PROBE).metrics()
    assert metrics["train_loss"] is None
    assert metrics["valid_loss"] == 0.3


def test_the_history_is_of_training_alone() -> None:
    """An average and the probe are no epochs: the table has none of them, but its columns."""
    trained = result(TRAINED, AVERAGED)
    assert history_table(trained.epochs)["phase"].tolist() == ["unfrozen"]
    assert trained.trained == [TRAINED]
    assert "25.0% of 2 validation images" in str(trained)
    untrained = history_table([PROBE])
    assert untrained.empty
    assert list(untrained) == list(HistoryRow._fields)


@pytest.mark.parametrize(("targets", "expected"), [([0, 1], 0.0), ([1, 1], 0.5), ([1, 0], 1.0)])
def test_an_error_is_another_class_than_the_target(targets: list[int], expected: float) -> None:
    """The error rate is the share of the images whose most probable class is another."""
    assert VALIDATION.error_rate(np.array(targets)) == expected


def test_no_images_have_no_error_rate() -> None:
    """Where no image validates the error rate is no number, without a warning."""
    assert np.isnan(NO_INFERENCE.error_rate(np.zeros(0, np.int64)))
