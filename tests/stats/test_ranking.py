"""Average precision and ROC area by class, with intervals that hold the truth."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from stages.stats.ranking import average_precision, ranking_metrics, roc_area

RNG = np.random.default_rng(0)
TARGETS = np.arange(120) % 3
PRED_PROBS = RNG.dirichlet(np.ones(4), 120)
PRED_PROBS[np.arange(120), TARGETS] += 0.3


def test_each_class_is_judged_against_the_rest() -> None:
    """Values are scikit-learn's, one class against all others; a class without images has none."""
    table = ranking_metrics(TARGETS, PRED_PROBS)
    assert len(table) == 4
    for number in range(3):
        scores = PRED_PROBS[:, number]
        row = table.iloc[number]
        assert row["roc_area"] == roc_auc_score(number == TARGETS, scores)
        assert row["average_precision"] == average_precision_score(number == TARGETS, scores)
        for name in ("average_precision", "roc_area"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
    assert table.iloc[3].isna().all()


def test_a_single_class_has_no_ranking() -> None:
    """Without images of another class nothing can be ranked."""
    assert ranking_metrics(np.zeros(5, int), np.ones((5, 1))).isna().all(axis=None)


@pytest.mark.parametrize(("images", "others"), [(1, 1), (5, 40), (30, 500)])
def test_a_perfect_ranking_is_not_certain(images: int, others: int) -> None:
    """At an area and a precision of one the interval still has a width, less with more images."""
    of_class = np.arange(images + others) < images
    for interval in (
        roc_area(of_class, of_class * 1.0),
        average_precision(of_class, of_class * 1.0),
    ):
        assert interval.value == interval.high == pytest.approx(1)
        assert interval.low < 1 - 0.5 / images / 10
    worst = roc_area(of_class, ~of_class * 1.0)
    assert worst.value == worst.low == 0
    assert worst.high > 0


def test_the_interval_of_the_area_holds_the_truth() -> None:
    """Of normal scores, whose area is known, it does so 19 times out of 20."""
    rng = np.random.default_rng(1)
    for images, others, shift in ((10, 200, 2.0), (40, 60, 1.0), (15, 15, 0.0)):
        truth = norm.cdf(shift / 2**0.5)
        of_class = np.arange(images + others) < images
        held = 0
        for _ in range(300):
            interval = roc_area(of_class, rng.standard_normal(len(of_class)) + shift * of_class)
            held += interval.low <= truth <= interval.high
        assert held >= 0.92 * 300


def test_the_interval_of_the_average_precision_holds_the_truth() -> None:
    """Of normal scores, whose average precision is found on many, it does so 19 times out of 20."""
    rng = np.random.default_rng(2)
    for images, others, shift in ((10, 200, 2.0), (40, 60, 1.0)):
        many = np.arange(100 * (images + others)) < 100 * images
        truth = average_precision_score(many, rng.standard_normal(len(many)) + shift * many)
        of_class = np.arange(images + others) < images
        held = 0
        for _ in range(300):
            scores = rng.standard_normal(len(of_class)) + shift * of_class
            interval = average_precision(of_class, scores)
            held += interval.low <= truth <= interval.high
        assert held >= 0.92 * 300


def test_numbers_of_groups_are_names() -> None:
    """Other numbers for the same groups change no interval, of a class that some groups lack."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(20), 6)
    of_class = (groups % 3 == 0) & (rng.random(120) < 0.8)
    scores = rng.random(120) + 0.4 * of_class
    for measure in (average_precision, roc_area):
        expected = measure(of_class, scores, groups).as_dict()
        assert measure(of_class, scores, 3 * groups + 40).as_dict() == pytest.approx(expected)
