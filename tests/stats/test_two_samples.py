"""Two samples are compared as scipy and plain formulas have it, and told apart only for cause."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, ks_2samp

from stages.stats.two_samples import ShiftTest, error_difference, shift_test


def flags(hits: int, trials: int) -> np.ndarray:
    """Return so many errors among so many images."""
    return np.arange(trials) < hits


def test_newcombe_is_that_of_his_paper() -> None:
    """Example (a) of Newcombe 1998, method 10: 56/70 against 48/80."""
    difference, p = error_difference(flags(56, 70), flags(48, 80))
    assert difference.value == pytest.approx(0.2)
    assert difference.low == pytest.approx(0.0524, abs=1e-4)
    assert difference.high == pytest.approx(0.3339, abs=1e-4)
    assert p == pytest.approx(fisher_exact([[56, 14], [48, 32]]).pvalue)


@pytest.mark.parametrize(("new", "old"), [((0, 0), (1, 9)), ((1, 9), (0, 0))])
def test_no_image_tells_nothing(new: tuple[int, int], old: tuple[int, int]) -> None:
    """Without an image on a side the difference may be anything."""
    difference, p = error_difference(flags(*new), flags(*old))
    assert (difference.value, difference.low, difference.high, p) == (None, -1, 1, 1)
    assert shift_test(np.zeros(new[1]), np.zeros(old[1])) is None


@pytest.mark.parametrize(("hits", "trials"), [((0, 0), (5, 5)), ((5, 5), (5, 5)), ((1, 0), (1, 1))])
def test_extremes_stay_in_range(hits: tuple[int, int], trials: tuple[int, int]) -> None:
    """All right, all wrong and one image give an interval within -1 and 1 around the value."""
    difference, p = error_difference(flags(hits[0], trials[0]), flags(hits[1], trials[1]))
    assert difference.value is not None
    assert -1 <= difference.low <= difference.value <= difference.high <= 1
    assert 0 <= p <= 1


def test_a_shift_is_found_with_its_direction_and_size() -> None:
    """Values that moved up are higher by a large effect; p and the share of pairs are plain."""
    rng = np.random.default_rng(0)
    new = rng.normal(1.5, 1, 80)
    old = rng.normal(0, 1, 120)
    test = shift_test(new, old)
    assert test is not None
    assert test.p == pytest.approx(ks_2samp(new, old).pvalue)
    pairs = (new[:, None] > old).mean() + (new[:, None] == old).mean() / 2
    assert test.higher == pytest.approx(pairs)
    assert (test.verdict(test.p), test.effect) == ("higher", "large")
    back = shift_test(old, new)
    assert back is not None
    assert back.verdict(back.p) == "lower"
    assert back.verdict(0.06) == "cannot tell"


def test_another_spread_is_no_shift() -> None:
    """Values of the same middle and another width are said to be spread otherwise."""
    rng = np.random.default_rng(1)
    test = shift_test(rng.normal(0, 5, 300), rng.normal(0, 1, 300))
    assert test is not None
    assert test.verdict(test.p) == "spread otherwise"


@pytest.mark.parametrize(
    ("higher", "effect"),
    [(0.5, "negligible"), (0.57, "negligible"), (0.58, "small"), (0.7, "medium"), (0.1, "large")],
)
def test_effects_go_by_the_distance_from_even(higher: float, effect: str) -> None:
    """The limits are those of Cliff's delta, on either side."""
    assert ShiftTest(p=0, new_median=0, old_median=0, higher=higher).effect == effect


def test_equal_samples_are_not_told_apart() -> None:
    """Of 200 pairs of samples of one distribution about one in twenty differs by chance."""
    rng = np.random.default_rng(2)
    tests = [shift_test(rng.random(50), rng.random(80)) for _ in range(200)]
    assert sum(test is not None and test.p < 0.05 for test in tests) <= 18


def test_constant_values_are_one_distribution() -> None:
    """Ties everywhere are no difference and no failure."""
    test = shift_test(np.full(9, 3.0), np.full(5, 3.0))
    assert test is not None
    assert (test.p, test.higher, test.effect) == (1, 0.5, "negligible")
