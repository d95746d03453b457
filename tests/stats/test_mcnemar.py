"""Better, worse, or cannot tell: two classifiers on the same images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stages.stats.mcnemar import compare_paired, mcnemar, tango_interval


def right(first: int, second: int, both: int = 100, neither: int = 10) -> list[np.ndarray]:
    """Return who has right which image, from the four counts."""
    one = np.repeat([True, False, True, False], [first, second, both, neither])
    other = np.repeat([False, True, True, False], [first, second, both, neither])
    return [one, other]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (30, 5, "better"),
        (5, 30, "worse"),
        (5, 5, "cannot tell"),
        (6, 0, "better"),  # p = 1/32
        (5, 0, "cannot tell"),  # p = 1/16
        (0, 0, "cannot tell"),
    ],
)
def test_the_verdict_follows_the_test(first: int, second: int, verdict: str) -> None:
    """Only images on which the two differ decide, and few of them cannot."""
    result = compare_paired(*right(first, second))
    assert result.verdict == verdict
    assert (result.only_first_right, result.only_second_right) == (first, second)
    assert result.images == first + second + 110


def test_the_difference_is_that_of_the_error_rates() -> None:
    """A better first classifier has a lower error rate: the difference is negative."""
    result = compare_paired(*right(30, 5))
    assert result.difference.value == pytest.approx(-25 / 145)
    assert result.difference.high < 0


def test_mcnemar_is_the_sign_test() -> None:
    """The exact p is twice the tail of a fair coin (Edwards's 1948 set-up, counted by hand)."""
    assert mcnemar(0, 0) == 1
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar(2, 8) == mcnemar(8, 2)


def test_tango_gives_the_published_interval() -> None:
    """Fagerland, Lydersen and Laake 2014: 1, 1, 7, 12 children, -0.517 to -0.026."""
    interval = tango_interval(1, 7, 21)
    assert interval.value == pytest.approx(-6 / 21)
    assert (round(interval.low, 3), round(interval.high, 3)) == (-0.517, -0.026)


def test_tango_without_any_difference() -> None:
    """With no discordant image the ends are z^2 / (n + z^2) on both sides."""
    z2 = stats.norm.ppf(0.975) ** 2
    interval = tango_interval(0, 0, 100)
    assert interval.high == pytest.approx(z2 / (100 + z2), abs=1e-6)
    assert interval.low == -interval.high


def test_tango_at_the_ends() -> None:
    """All images discordant one way, and no images at all."""
    assert tango_interval(5, 0, 5).high == 1
    assert tango_interval(0, 5, 5).low == -1
    assert tango_interval(0, 0, 0).value is None


def slow_score(one: int, other: int, images: int, difference: float) -> float:
    """Return Tango's statistic, its nuisance parameter found by trying 200,000 values."""
    low, high = max(0.0, -difference), (1 - difference) / 2
    q = np.linspace(low, high, 200_001)[1:-1]
    same = images - one - other
    likelihood = (
        one * np.log(q + difference) + other * np.log(q) + same * np.log1p(-2 * q - difference)
    )
    best = q[np.argmax(likelihood)]
    return (one - other - images * difference) / np.sqrt(
        images * (2 * best + difference * (1 - difference))
    )


@pytest.mark.parametrize("table", [(1, 7, 21), (10, 3, 50), (2, 1, 30), (40, 12, 200)])
def test_tango_inverts_the_score_test(table: tuple[int, int, int]) -> None:
    """At either end the statistic, computed the slow way, is the normal quantile."""
    interval = tango_interval(*table)
    assert slow_score(*table, interval.low) == pytest.approx(1.96, abs=1e-3)
    assert slow_score(*table, interval.high) == pytest.approx(-1.96, abs=1e-3)


@settings(deadline=None)
@given(one=st.integers(0, 60), other=st.integers(0, 60), same=st.integers(1, 300))
def test_tango_is_a_mirror(one: int, other: int, same: int) -> None:
    """Changing sides changes signs; the value lies within; a clear verdict excludes zero."""
    images = one + other + same
    interval, mirrored = tango_interval(one, other, images), tango_interval(other, one, images)
    assert interval.value is not None
    assert -1 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.low == pytest.approx(-mirrored.high)
    if mcnemar(one, other) < 0.05:
        assert interval.low > 0 or interval.high < 0
