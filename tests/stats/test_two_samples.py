"""Two samples are compared as scipy and plain formulas have it, and told apart only for cause."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, ks_2samp, mannwhitneyu

from stages.stats.two_samples import (
    ShiftTest,
    error_difference,
    error_in_mix,
    error_test_within,
    shift_test,
)


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


def test_a_plain_shift_that_is_small_has_its_direction() -> None:
    """Of many values that moved by little the direction is told, with a negligible effect."""
    old = np.arange(4000) / 4000
    test = shift_test(old + 0.04, old)
    assert test is not None
    assert (test.verdict(test.p), test.effect) == ("higher", "negligible")
    assert test.p_shift == pytest.approx(mannwhitneyu(old + 0.04, old).pvalue, rel=1e-3)


def test_another_spread_is_no_shift() -> None:
    """Values of the same middle and another width differ, neither higher nor lower."""
    rng = np.random.default_rng(1)
    test = shift_test(rng.normal(0, 5, 300), rng.normal(0, 1, 300))
    assert test is not None
    assert test.verdict(test.p) == "differs"


@pytest.mark.parametrize("moved", [-9e-5, 9e-5])
@pytest.mark.parametrize("level", [0.9, 0.99995, 0.00005])
def test_what_is_within_the_tolerance_is_no_difference(level: float, moved: float) -> None:
    """Values that are all off by less than the tolerance are not told apart, at the ends too."""
    old = level + np.linspace(0, 1e-6, 3000)
    test = shift_test(old + moved, old, tolerance=1e-4)
    assert test is not None
    assert test.p > 0.5
    assert test.p_shift > 0.5
    assert test.higher == pytest.approx(0.5)
    plain = shift_test(old + moved, old)
    assert plain is not None
    assert plain.p < 1e-6


def test_a_tolerance_hides_no_real_difference() -> None:
    """A shift far beyond the tolerance is found with it as without."""
    rng = np.random.default_rng(5)
    new = rng.normal(0.5, 1, 200)
    old = rng.normal(0, 1, 200)
    test = shift_test(new, old, tolerance=1e-4)
    plain = shift_test(new, old)
    assert test is not None
    assert plain is not None
    assert test.verdict(test.p) == plain.verdict(plain.p) == "higher"
    assert test.p == pytest.approx(plain.p, rel=0.5)


@pytest.mark.parametrize(
    ("higher", "effect"),
    [(0.5, "negligible"), (0.57, "negligible"), (0.58, "small"), (0.7, "medium"), (0.1, "large")],
)
def test_effects_go_by_the_distance_from_even(higher: float, effect: str) -> None:
    """The limits are those of Cliff's delta, on either side."""
    test = ShiftTest(p=0, p_shift=1, new_median=0, old_median=0, higher=higher)
    assert test.effect == effect


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


@pytest.mark.parametrize(("new", "old"), [((3, 20), (9, 31)), ((0, 5), (5, 9)), ((4, 4), (4, 4))])
def test_within_one_class_the_test_is_that_of_fisher(
    new: tuple[int, int], old: tuple[int, int]
) -> None:
    """With a single class p is Fisher's."""
    wrong = (flags(*new), flags(*old))
    _, p = error_test_within(*wrong, np.zeros(new[1]), np.zeros(old[1]))
    assert p == pytest.approx(error_difference(*wrong)[1])


def test_within_classes_p_is_the_share_of_shuffles() -> None:
    """Sides that are shuffled within each class give as rare a sum as often as p says."""
    rng = np.random.default_rng(6)
    classes = np.repeat([0, 1, 2], [30, 20, 12])
    wrong = rng.random(62) < np.array([0.2, 0.5, 0.7])[classes]
    is_new = rng.random(62) < 0.4
    wrong[is_new & (classes == 1)] = True
    beyond, p = error_test_within(wrong[is_new], wrong[~is_new], classes[is_new], classes[~is_new])
    sums = np.zeros(40_000)
    for number in range(3):
        rows = wrong[classes == number]
        count = int(is_new[classes == number].sum())
        order = rng.permuted(np.tile(rows, (len(sums), 1)), axis=1)
        sums += order[:, :count].sum(axis=1)
    values, times = np.unique(sums, return_counts=True)
    seen = times[values == wrong[is_new].sum()][0]
    assert p == pytest.approx(times[times <= seen].sum() / len(sums), abs=0.02)
    assert beyond == pytest.approx(wrong[is_new].sum() - sums.mean(), abs=0.05)


def test_another_mix_of_classes_is_no_more_errors() -> None:
    """Where each class is as often wrong as before, more of a hard one is no worse model."""
    old_class = np.repeat([0, 1], [300, 100])
    old_wrong = np.concatenate([flags(3, 300), flags(50, 100)])
    new_class = np.repeat([0, 1], [100, 300])
    new_wrong = np.concatenate([flags(1, 100), flags(150, 300)])
    assert error_difference(new_wrong, old_wrong)[1] < 1e-6
    beyond, p = error_test_within(new_wrong, old_wrong, new_class, old_class)
    assert p > 0.9
    assert abs(beyond) < 0.5
    assert error_in_mix(old_wrong, old_class, new_class) == pytest.approx(new_wrong.mean())


def test_classes_of_one_side_say_nothing() -> None:
    """Without a class in common there is no difference, and no rate of the mix."""
    wrong = flags(3, 5)
    assert error_test_within(wrong, wrong, np.zeros(5), np.ones(5)) == (0, 1)
    assert error_in_mix(wrong, np.zeros(5), np.arange(5)) is None
    assert error_in_mix(wrong, np.zeros(5), np.zeros(0)) is None
