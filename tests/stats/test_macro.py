"""Macro scores of resampled images, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from stages.stats.macro import Score, macro_statistic

RNG = np.random.default_rng(0)
TARGETS = RNG.integers(0, 5, 200)
PREDICTED = RNG.integers(0, 6, 200)
REFERENCES = {"precision": precision_score, "recall": recall_score, "f1": f1_score}


@pytest.mark.parametrize("score", ["precision", "recall", "f1"])
def test_a_draw_scores_as_its_images_repeated(score: Score) -> None:
    """Each draw gives what scikit-learn gives for the images repeated, over the classes drawn."""
    drawn = RNG.multinomial(200, np.full(200, 1 / 200), size=4).astype(float)
    drawn[0, TARGETS == 2] = 0
    values = macro_statistic(score, TARGETS, PREDICTED, 6)(drawn)
    for value, times in zip(values, drawn.astype(int), strict=True):
        actual = np.repeat(TARGETS, times)
        predicted = np.repeat(PREDICTED, times)
        expected = REFERENCES[score](
            actual, predicted, labels=np.unique(actual), average="macro", zero_division=0
        )
        assert value == pytest.approx(expected)


def test_every_image_once_is_the_plain_score() -> None:
    """Counts of one give the macro F1 of the images as they are, over the classes they have."""
    once = np.ones((1, 200))
    expected = f1_score(TARGETS, PREDICTED, labels=range(5), average="macro")
    assert macro_statistic("f1", TARGETS, PREDICTED, 6)(once)[0] == pytest.approx(expected)
