"""Balanced classes: how often an epoch draws each image, and the log odds of the classes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.batch.balance import BalanceName, class_shares, count_turns, draw_rows, log_ratios

COUNTS = np.array([100, 25, 0, 4])
TARGETS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), COUNTS))
BALANCED = st.sampled_from(["sqrt", "full"])


@pytest.mark.parametrize(
    ("balance", "weights"),
    [("none", [100, 25, 0, 4]), ("sqrt", [10, 5, 0, 2]), ("full", [1, 1, 0, 1])],
)
def test_shares_follow_the_balance(balance: BalanceName, weights: list[int]) -> None:
    """Classes are as frequent as they are, as the roots of that, or alike; an empty one never."""
    assert class_shares(COUNTS, balance) == pytest.approx(np.array(weights) / sum(weights))


def test_no_images_have_no_shares() -> None:
    """Without a single image every share is nought."""
    assert class_shares(np.zeros(3, int), "full").tolist() == [0, 0, 0]


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=80), BALANCED, st.integers(0, 2**32)
)  # fmt: skip
def test_an_epoch_has_as_many_images_as_before(
    targets: list[int], balance: BalanceName, seed: int
) -> None:
    """Each class has its share to less than one image, and its images are drawn equally often."""
    numbers = np.array(targets)
    rows = draw_rows(numbers, balance, np.random.default_rng(seed))
    assert len(rows) == len(numbers)
    shares = class_shares(np.bincount(numbers), balance) * len(numbers)
    drawn = np.bincount(rows, minlength=len(numbers))
    for number in np.unique(numbers):
        of_class = drawn[numbers == number]
        assert abs(of_class.sum() - shares[number]) < 1 + 1e-9
        assert of_class.max() - of_class.min() <= 1


def test_over_the_epochs_every_image_of_a_class_is_drawn_alike() -> None:
    """Rounding is fair and so is the choice of images: 2,000 draws have the shares to 12 %."""
    generators = (np.random.default_rng(number) for number in range(2000))
    drawn = sum(
        np.bincount(draw_rows(TARGETS, "full", generator), minlength=len(TARGETS))
        for generator in generators
    )
    expected = len(TARGETS) / 3 / COUNTS[TARGETS]
    assert drawn / 2000 == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("balance", ["sqrt", "full"])
def test_ratios_lead_from_the_frequencies_to_the_shares(balance: BalanceName) -> None:
    """The frequency of a class times e to its ratio is its share; a class without images has 0."""
    ratios = log_ratios(TARGETS, 4, balance)
    assert ratios is not None
    assert COUNTS / COUNTS.sum() * np.exp(ratios) == pytest.approx(class_shares(COUNTS, balance))
    assert ratios[2] == 0


def test_classes_that_only_validation_has_get_a_ratio_too() -> None:
    """There are as many ratios as classes, whatever the largest class number in training is."""
    ratios = log_ratios(TARGETS, 6, "full")
    assert ratios is not None
    assert ratios[4:].tolist() == [0, 0]


def test_without_balance_there_is_nothing_to_add() -> None:
    """None, so that the loss is computed as it always was."""
    assert log_ratios(TARGETS, 4, "none") is None


@given(st.lists(st.integers(0, 4), max_size=40))
def test_turns_count_what_came_before(rows: list[int]) -> None:
    """A loop with a counter gives the same."""
    seen: Counter[int] = Counter()
    expected = []
    for row in rows:
        expected.append(seen[row])
        seen[row] += 1
    assert count_turns(np.array(rows, int)).tolist() == expected
