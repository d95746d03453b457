"""Mean scores over classes, of the images as they are and of images drawn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from stages.stats.macro import macro_statistic

RNG = np.random.default_rng(0)
TARGETS, PREDICTED = RNG.integers(0, 5, 200), RNG.integers(0, 6, 200)
REFERENCE = {"precision": precision_score, "recall": recall_score, "f1": f1_score}


@pytest.mark.parametrize("score", REFERENCE)
def test_images_drawn_score_as_if_they_stood_there_so_often(score) -> None:
    """Each draw gives what scikit-learn gives for the images repeated, over the classes drawn."""
    drawn = RNG.multinomial(200, np.full(200, 1 / 200), size=4).astype(float)
    drawn[0, TARGETS == 2] = 0
    found = macro_statistic(score, TARGETS, PREDICTED, 6)(drawn)
    for value, times in zip(found, drawn.astype(int), strict=True):
        actual, named = np.repeat(TARGETS, times), np.repeat(PREDICTED, times)
        expected = REFERENCE[score](
            actual, named, labels=np.unique(actual), average="macro", zero_division=0
        )
        assert value == pytest.approx(expected)
