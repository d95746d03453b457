"""Recipes with one or several seeds: whether the verdict keeps its level and has power."""

import numpy as np
import pytest
from scipy import stats

from stages.stats.mcnemar import compare_paired
from stages.stats.seeds import compare_seeds, seed_spread

IMAGES = 400


def draw(
    rng: np.random.Generator, runs: int, wrong: np.ndarray, scatter: float = 0.0
) -> np.ndarray:
    """Return which images each run has right, when seeds scatter by so many logits."""
    logits = np.log(wrong / (1 - wrong)) + scatter * rng.standard_normal((runs, 1))
    right: np.ndarray = rng.random((runs, len(wrong))) > 1 / (1 + np.exp(-logits))
    return right


def test_single_runs_are_the_paired_test() -> None:
    """With one run each nothing differs from McNemar's test."""
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 1, IMAGES)) > 0.1
    assert compare_seeds(first, second) == compare_paired(first[0], second[0])


@pytest.mark.parametrize("runs", [(5, 5), (1, 5), (5, 1), (2, 3)])
@pytest.mark.parametrize("scatter", [0.0, 0.3])
def test_equal_recipes_seldom_get_a_verdict(runs: tuple[int, int], scatter: float) -> None:
    """Of 400 pairs of equally good recipes, at most 5 % get a verdict, allowing for chance."""
    rng = np.random.default_rng(sum(runs))
    wrong = rng.beta(0.5, 5, IMAGES).clip(1e-4)
    verdicts = 0
    for _ in range(400):
        first = draw(rng, runs[0], wrong, scatter)
        second = draw(rng, runs[1], wrong, scatter)
        verdicts += compare_seeds(first, second).verdict != "cannot tell"
    assert stats.binomtest(verdicts, 400, 0.05, alternative="greater").pvalue > 0.001


def test_more_seeds_have_more_power() -> None:
    """A difference that single runs often miss, five seeds each nearly always show."""
    rng = np.random.default_rng(7)
    worse = np.full(IMAGES, 0.14)
    better = np.full(IMAGES, 0.09)
    shares = []
    for runs in (1, 5):
        results = [
            compare_seeds(draw(rng, runs, better), draw(rng, runs, worse)) for _ in range(100)
        ]
        shares.append(np.mean([result.verdict == "better" for result in results]))
    assert shares[0] < 0.75
    assert shares[1] > 0.95


def test_one_lucky_seed_is_no_verdict() -> None:
    """Where seeds scatter as much as the recipes differ, no recipe is better."""
    rng = np.random.default_rng(2)
    rates = ([0.05, 0.15, 0.10], [0.04, 0.09, 0.14])
    recipes = [
        np.concatenate([draw(rng, 1, np.full(4000, rate)) for rate in runs]) for runs in rates
    ]
    assert compare_seeds(*recipes).verdict == "cannot tell"
    assert compare_paired(recipes[0][1], recipes[1][0]).verdict != "cannot tell"


def test_few_images_that_all_agree_are_no_proof() -> None:
    """Three images that every run of one recipe has right and none of the other prove nothing."""
    result = compare_seeds(np.ones((5, 3), bool), np.zeros((5, 3), bool))
    assert result.verdict == "cannot tell"
    assert result.p == 0.25


@pytest.mark.parametrize("images", [0, 1, 50])
def test_without_any_difference_there_is_no_verdict(images: int) -> None:
    """Any number of images on which all agree: cannot tell, with an interval around zero."""
    result = compare_seeds(np.ones((3, images), bool), np.ones((2, images), bool))
    assert (result.verdict, result.p) == ("cannot tell", 1.0)
    assert result.difference.low < 0 < result.difference.high


def test_the_spread_is_that_of_the_error_rates() -> None:
    """The standard deviation is over runs; a single run has none."""
    right = np.array([[True, True, False, False], [True, True, True, False]])
    assert seed_spread(right) == pytest.approx(np.std([0.5, 0.25], ddof=1))
    assert seed_spread(right[:1]) is None


def test_with_groups_both_tests_are_over_these() -> None:
    """Images that gain by whole groups are worth a group each, and one group tells nothing."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(5), 40)
    worse = rng.random((3, 200)) < 0.6
    better = np.ones((3, 200), bool)
    assert compare_seeds(better, worse).verdict == "better"
    grouped = compare_seeds(better, worse, groups)
    assert (grouped.verdict, grouped.groups) == ("cannot tell", 5)
    assert grouped.p >= 1 / 16
    assert compare_seeds(better, worse, np.zeros(200, int)).p == 1


def test_of_one_group_the_difference_is_that_of_the_error_rates() -> None:
    """Its value is the mean over seeds, first minus second, and its interval says nothing."""
    first = np.array([[True, True, False, True], [True, False, False, True]])
    second = np.array([[True, False, False, False], [False, False, False, True]])
    difference = compare_seeds(first, second, np.zeros(4, int)).difference
    assert difference.value == pytest.approx((~first).mean() - (~second).mean())
    assert (difference.value, difference.low, difference.high) == (-0.375, -1, 1)
    alike = compare_seeds(first, first, np.zeros(4, int)).difference
    assert (alike.value, alike.low, alike.high) == (0, -1, 1)


def test_numbers_of_groups_are_names() -> None:
    """Other numbers for the same groups change no figure."""
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(12), 10)
    first, second = rng.random((3, 120)) < 0.9, rng.random((2, 120)) < 0.8
    expected = compare_seeds(first, second, groups)
    named = compare_seeds(first, second, 3 * groups + 40)
    assert named.p == pytest.approx(expected.p)
    assert named.design_effect == pytest.approx(expected.design_effect)
    assert named.difference.as_dict() == pytest.approx(expected.difference.as_dict())
