"""Placements, against the area of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from stages.stats.placements import placements


def test_their_mean_is_the_area() -> None:
    """Over the class the mean is the ROC area, over the others one minus it, ties included."""
    rng = np.random.default_rng(0)
    of_class = rng.random(200) < 0.3
    scores = rng.integers(0, 20, 200) + 4 * of_class
    placed = placements(of_class, scores)
    area = roc_auc_score(of_class, scores)
    assert placed[of_class].mean() == pytest.approx(area)
    assert placed[~of_class].mean() == pytest.approx(1 - area)


def test_without_another_side_all_are_zero() -> None:
    """There is nothing to be above."""
    assert placements(np.ones(3, bool), np.arange(3.0)).tolist() == [0, 0, 0]
