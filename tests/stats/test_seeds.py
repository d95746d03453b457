"""Recipes with one run or several: whether the verdict can be trusted."""

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
    return rng.random((runs, len(wrong))) > 1 / (1 + np.exp(-logits))


def test_single_runs_are_the_paired_test() -> None:
    """With one run each nothing differs from McNemar's test."""
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 1, IMAGES)) > 0.1
    assert compare_seeds(one, other) == compare_paired(one[0], other[0])


@pytest.mark.parametrize("runs", [(5, 5), (1, 5), (5, 1), (2, 3)])
@pytest.mark.parametrize("scatter", [0.0, 0.3])
def test_equal_recipes_are_seldom_told_apart(runs: tuple[int, int], scatter: float) -> None:
    """Of 400 pairs of equally good recipes, at most 5 % get a verdict, allowing for chance."""
    rng = np.random.default_rng(sum(runs))
    wrong = rng.beta(0.5, 5, IMAGES).clip(1e-4)
    told = sum(
        compare_seeds(*(draw(rng, k, wrong, scatter) for k in runs)).verdict != "cannot tell"
        for _ in range(400)
    )
    assert stats.binomtest(told, 400, 0.05, alternative="greater").pvalue > 0.001


def test_more_seeds_tell_more() -> None:
    """A difference that single runs seldom show, five seeds each mostly do."""
    rng = np.random.default_rng(7)
    worse, better = np.full(IMAGES, 0.14), np.full(IMAGES, 0.09)
    shares = [
        np.mean(
            [
                compare_seeds(draw(rng, runs, better), draw(rng, runs, worse)).verdict == "better"
                for _ in range(100)
            ]
        )
        for runs in (1, 5)
    ]
    assert shares[0] < 0.75 < 0.95 < shares[1]


def test_one_lucky_seed_is_no_verdict() -> None:
    """Where seeds scatter as much as the recipes differ, the groups are not told apart."""
    rng = np.random.default_rng(2)
    rates = ([0.05, 0.15, 0.10], [0.04, 0.09, 0.14])
    sides = [
        np.concatenate([draw(rng, 1, np.full(4000, rate)) for rate in group]) for group in rates
    ]
    assert compare_seeds(*sides).verdict == "cannot tell"
    assert compare_paired(sides[0][1], sides[1][0]).verdict != "cannot tell"


def test_few_images_that_all_agree_are_no_proof() -> None:
    """Three images that every run of one recipe has right and none of the other prove nothing."""
    result = compare_seeds(np.ones((5, 3), bool), np.zeros((5, 3), bool))
    assert result.verdict == "cannot tell"
    assert result.p == 0.25


@pytest.mark.parametrize("images", [0, 1, 50])
def test_nothing_to_see_is_said(images: int) -> None:
    """No images, one, or no difference at all: cannot tell, with an interval around zero."""
    sides = np.ones((3, images), bool), np.ones((2, images), bool)
    result = compare_seeds(*sides)
    assert (result.verdict, result.p) == ("cannot tell", 1.0)
    assert result.difference.low < 0 < result.difference.high


def test_the_spread_is_that_of_the_error_rates() -> None:
    """The standard deviation is over runs; a single run has none."""
    right = np.array([[True, True, False, False], [True, True, True, False]])
    assert seed_spread(right) == pytest.approx(np.std([0.5, 0.25], ddof=1))
    assert seed_spread(right[:1]) is None
