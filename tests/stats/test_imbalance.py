"""Unequal classes: the largest class as an answer to everything, and Cohen's kappa."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from stages.stats.imbalance import is_unequal, kappa, kappa_statistic, largest_class_error
from stages.stats.intervals import wilson

RNG = np.random.default_rng(0)
TARGETS = RNG.choice(3, 400, p=[0.9, 0.06, 0.04])
PREDICTED = np.where(RNG.random(400) < 0.8, TARGETS, 0)


@pytest.mark.parametrize(
    ("counts", "unequal"), [([10, 50], True), ([10, 49], False), ([0, 4], False), ([0, 5], True)]
)
def test_classes_are_unequal_from_fivefold_on(counts: list[int], unequal: bool) -> None:
    """A class without training images counts as one with a single image."""
    assert is_unequal(np.array(counts)) == unequal


def test_the_largest_class_is_that_of_training() -> None:
    """Always answering it is wrong on every image of another class."""
    expected = wilson(int(np.sum(TARGETS != 0)), 400)
    assert largest_class_error(np.array([90, 6, 4]), TARGETS) == expected


def test_kappa_is_that_of_scikit_learn() -> None:
    """The value is cohen_kappa_score, for the images as they are and as they are drawn."""
    interval = kappa(TARGETS, PREDICTED, 3, np.random.default_rng(1))
    assert interval.value == pytest.approx(cohen_kappa_score(TARGETS, PREDICTED))
    assert interval.value is not None
    assert interval.low < interval.value < interval.high
    draws = np.random.default_rng(2).multinomial(400, np.full(400, 1 / 400), size=5)
    values = kappa_statistic(TARGETS, PREDICTED, 3)(draws)
    for row, value in zip(draws, values, strict=True):
        rows = np.repeat(np.arange(400), row)
        assert value == pytest.approx(cohen_kappa_score(TARGETS[rows], PREDICTED[rows]))


def test_the_largest_class_alone_agrees_by_chance() -> None:
    """A model with one answer to everything has a high accuracy and a kappa of zero."""
    assert kappa(TARGETS, np.zeros(400, int), 3, RNG).value == pytest.approx(0)


def test_a_model_without_a_mistake_is_not_certain() -> None:
    """The interval reaches as far below one as that of the accuracy, scaled."""
    interval = kappa(TARGETS, TARGETS, 3, np.random.default_rng(1))
    assert interval.value == interval.high == 1
    chance = float((np.bincount(TARGETS) ** 2).sum()) / 400**2
    assert interval.low == pytest.approx((wilson(400, 400).low - chance) / (1 - chance))


def test_one_class_has_no_kappa() -> None:
    """Where chance agrees always, there is nothing beyond it; nor is there without images."""
    for images in (0, 5):
        none = np.zeros(images, int)
        assert kappa(none, none, 1, RNG).value is None


def test_the_interval_of_kappa_holds_the_truth() -> None:
    """On 200 images of unequal classes it does so about 19 times out of 20."""
    rng = np.random.default_rng(3)
    many = rng.choice(3, 200_000, p=[0.8, 0.15, 0.05])
    answers = np.where(rng.random(200_000) < 0.85, many, rng.integers(0, 3, 200_000))
    truth = cohen_kappa_score(many, answers)
    held = 0
    for number in range(100):
        rows = slice(200 * number, 200 * (number + 1))
        interval = kappa(many[rows], answers[rows], 3, rng)
        held += interval.low <= truth <= interval.high
    assert held >= 90
