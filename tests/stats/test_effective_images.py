"""Effective images, against formulas of survey statistics and over simulated groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.grouped import draw_groups, draw_wrong
from stages.base.seed import derive
from stages.stats.effective_images import effective_images, grouped_error, share_interval
from stages.stats.image_groups import effective_groups
from stages.stats.intervals import wilson, wilson_around


def test_the_error_is_that_of_the_groups_means() -> None:
    """With groups of one size it is the standard error of the mean of their means."""
    values = np.random.default_rng(0).random(60)
    groups = np.repeat(np.arange(12), 5)
    error, freedom = grouped_error((values - values.mean()) / 60, groups)
    means = values.reshape(12, 5).mean(axis=1)
    assert error == pytest.approx(means.std(ddof=1) / np.sqrt(12))
    squares = (means - means.mean()) ** 2
    assert freedom == pytest.approx(squares.sum() ** 2 / np.sum(squares**2))


def test_images_that_are_alike_count_once() -> None:
    """Where each group is right or wrong as a whole, its images are worth one."""
    groups = np.repeat(np.arange(20), 6)
    assert effective_images(groups % 4 == 0, groups) == pytest.approx(20)


def test_independent_images_of_many_groups_count_nearly_all() -> None:
    """Without correlation the effective images approach the images, and never exceed them."""
    groups = np.repeat(np.arange(2000), 5)
    wrong = np.random.default_rng(1).random(10_000) < 0.3
    assert 0.9 * 10_000 < effective_images(wrong, groups) <= 10_000


def test_the_design_effect_is_that_of_the_ratio_estimator() -> None:
    """Counted by hand: the groups' variance over the images', and Student's t of its freedom."""
    wrong = np.array([1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0], bool)
    groups = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3])
    sums = [(wrong[groups == g] - 0.5).sum() for g in range(4)]
    squares = np.square(sums)
    effect = 4 / 3 * squares.sum() / (12 * 0.25)
    freedom = min(squares.sum() ** 2 / np.sum(squares**2), 3)
    quantiles = stats.norm.ppf(0.975) / stats.t.ppf(0.975, freedom)
    expected = max(12 / max(effect, 1) * quantiles**2, effective_groups(groups))
    assert effective_images(wrong, groups) == pytest.approx(expected)


@pytest.mark.parametrize("value", [False, True])
def test_without_an_error_the_groups_count(value: bool) -> None:
    """All right or all wrong says nothing of the correlation: each group is taken for one image."""
    groups = np.repeat(np.arange(8), 5)
    interval = share_interval(np.full(40, value), groups)
    assert interval == wilson_around(float(value), 8)
    assert interval == wilson(8 * value, 8)


def test_one_group_is_worth_one_image() -> None:
    """Its images may be alike, and of others nothing is known."""
    wrong = np.arange(30) < 10
    assert effective_images(wrong, np.zeros(30, int)) == 1
    assert share_interval(wrong, np.zeros(30, int)) == wilson_around(1 / 3, 1)


@pytest.mark.parametrize("labels", [(3, 39), (1, 2), (0, 38), (10**12, 5)])
def test_numbers_that_no_image_has_are_no_groups(labels: tuple[int, int]) -> None:
    """Two groups have an error of .3 and one degree of freedom, whichever numbers they have."""
    values = np.array([1.0] * 4 + [0.0] + [1.0] + [0.0] * 4)
    groups = np.repeat(labels, 5)
    error, freedom = grouped_error((values - values.mean()) / 10, groups)
    assert error == pytest.approx(0.3)
    assert freedom == 1
    assert grouped_error(np.ones(5) / 5, np.full(5, labels[0])) == (0.0, 0.0)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40),
    st.lists(st.integers(0, 150), min_size=6, max_size=6, unique=True),
)
def test_relabelled_groups_have_the_same_interval(
    rows: list[tuple[int, bool]], labels: list[int]
) -> None:
    """The numbers of groups are names: others for the same groups change no figure."""
    groups = np.array([group for group, _ in rows])
    wrong = np.array([value for _, value in rows])
    named = np.array(labels)[groups]
    assert effective_images(wrong, named) == pytest.approx(effective_images(wrong, groups))
    ends = share_interval(wrong, groups)
    assert share_interval(wrong, named).as_dict() == pytest.approx(ends.as_dict())


def test_without_groups_the_interval_is_wilsons() -> None:
    """To the byte, and also where every image is a group of its own; without images 0 to 1."""
    wrong = np.arange(30) < 10
    assert share_interval(wrong, None) == wilson(10, 30)
    assert share_interval(wrong, np.arange(30)) == wilson(10, 30)
    assert share_interval(wrong[:0], None) == share_interval(wrong[:0], np.zeros(0, int))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60))
def test_effective_images_lie_between_groups_and_images(rows: list[tuple[int, bool]]) -> None:
    """Of any images: at least the effective groups, at most the images; wrong counts as right."""
    groups = np.array([group for group, _ in rows])
    wrong = np.array([value for _, value in rows])
    effective = effective_images(wrong, groups)
    assert effective_groups(groups) - 1e-9 <= effective <= len(rows)
    assert effective == pytest.approx(effective_images(~wrong, groups))


@pytest.mark.parametrize("sizes", ["5 images", "unequal sizes"])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_the_interval_holds_the_true_error(sizes: str, correlation: float) -> None:
    """Over 20 groups and an error of 10 % in at least 90 % of 300 draws, whatever goes together."""
    draw = derive(3, "coverage", sizes, str(correlation))
    held = 0
    for _ in range(300):
        groups = draw_groups(sizes, 20, draw)
        interval = share_interval(draw_wrong(0.1, correlation, groups, draw), groups)
        held += interval.low <= 0.1 <= interval.high
    assert held >= 270
