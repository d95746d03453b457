"""The scores of the test set agree with counts made by hand."""

import numpy as np
import pytest

from stages.stats.intervals import wilson
from stages.stats.newcombe import newcombe_interval
from stages.stats.predictions import Predictions
from stages.stats.sealed_test import score_test_set

CLASSES = np.array(["cat", "dog", "owl"])


def sure(classes: list[int]) -> np.ndarray:
    """Return probabilities that name these classes."""
    return np.eye(3, dtype=np.float32)[classes]


def validation(targets: list[int], predicted: list[int]) -> Predictions:
    """Return predictions of validation images, without training images."""
    return Predictions(
        class_names=CLASSES,
        paths=np.array([f"{row}.jpg" for row in range(len(targets))]),
        targets=np.array(targets),
        pred_probs=sure(predicted),
        train_paths=np.zeros(0, "U1"),
        train_targets=np.zeros(0, np.int64),
        train_margins=np.zeros(0, np.float32),
    )


def test_error_gap_and_classes() -> None:
    """Counts are those of the images, and intervals those of Wilson and Newcombe."""
    valid = validation([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
    scores = score_test_set(np.array([0, 0, 1, 1, 1, 1]), sure([0, 1, 1, 1, 0, 2]), valid, 1)
    assert (scores["images"], scores["errors"]) == (6, 3)
    assert scores["error_rate"] == pytest.approx(wilson(3, 6).as_dict())
    assert scores["validation"] == {
        "error_rate": wilson(1, 5).as_dict(),
        "images": 5,
        "errors": 1,
    }
    assert scores["gap"] == newcombe_interval(3, 6, 1, 5).as_dict()
    assert scores["classes"]["cat"]["errors"] == 1
    assert scores["classes"]["dog"]["gap"] == newcombe_interval(2, 4, 0, 2).as_dict()
    assert scores["macro_recall"]["value"] == pytest.approx(0.5)


def test_a_class_without_test_images_has_no_error() -> None:
    """Its value is None and its interval everything."""
    scores = score_test_set(np.array([0, 1]), sure([0, 1]), validation([0, 2], [0, 2]), 1)
    owl = scores["classes"]["owl"]
    assert owl["images"] == 0
    assert owl["error_rate"] == {"value": None, "low": 0.0, "high": 1.0}
    assert owl["gap"]["value"] is None


def test_groups_of_test_images_count() -> None:
    """Copies of images are worth the images: intervals and gap are those of the images once."""
    targets, predicted = [0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 0, 2]
    valid = validation([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
    rows = np.repeat(np.arange(6), 5)
    copied = score_test_set(np.array(targets)[rows], sure(predicted)[rows], valid, 1, groups=rows)
    once = score_test_set(np.array(targets), sure(predicted), valid, 1)
    assert copied["groups"] == 6
    assert "groups" not in once
    for name in ("error_rate", "gap"):
        assert copied[name] == pytest.approx(once[name])
    assert copied["classes"]["dog"]["gap"] == pytest.approx(once["classes"]["dog"]["gap"])
