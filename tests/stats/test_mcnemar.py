"""McNemar's test and Tango's interval, against published values and a slow reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stages.stats.mcnemar import compare_paired, mcnemar, tango_interval, verdict_of


def right(
    only_first: int, only_second: int, both: int = 100, neither: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Return which images each classifier has right, from the four counts."""
    counts = [only_first, only_second, both, neither]
    first = np.repeat([True, False, True, False], counts)
    second = np.repeat([False, True, True, False], counts)
    return first, second


@pytest.mark.parametrize(
    ("only_first", "only_second", "verdict"),
    [
        (30, 5, "better"),
        (5, 30, "worse"),
        (5, 5, "cannot tell"),
        (6, 0, "better"),  # p = 1/32
        (5, 0, "cannot tell"),  # p = 1/16
        (0, 0, "cannot tell"),
    ],
)
def test_the_verdict_follows_the_test(only_first: int, only_second: int, verdict: str) -> None:
    """Only images on which the two differ decide, and few of them cannot."""
    result = compare_paired(*right(only_first, only_second))
    assert result.verdict == verdict
    assert (result.only_first_right, result.only_second_right) == (only_first, only_second)
    assert result.images == only_first + only_second + 110


def test_the_difference_is_that_of_the_error_rates() -> None:
    """A better first classifier has a lower error rate: the difference is negative."""
    result = compare_paired(*right(30, 5))
    assert result.difference.value == pytest.approx(-25 / 145)
    assert result.difference.high < 0


def test_the_verdict_needs_p_below_five_percent() -> None:
    """At exactly 5 % there is no verdict; below it the side that is ahead is the better one."""
    assert verdict_of(1 - 0.95, True) == "cannot tell"
    assert verdict_of(0.0499, True) == "better"
    assert verdict_of(0.0499, False) == "worse"


def test_the_record_has_every_field_in_order() -> None:
    """As in details.json, with the interval as a mapping."""
    result = compare_paired(*right(30, 5))
    record = result.as_dict()
    assert list(record) == [
        "verdict", "p", "difference", "only_first_right", "only_second_right", "images",
    ]  # fmt: skip
    assert record["difference"] == result.difference.as_dict()
    assert (record["verdict"], record["p"], record["images"]) == ("better", result.p, 145)


def test_mcnemar_is_the_sign_test() -> None:
    """The exact p is twice the tail of a fair coin (Edwards's 1948 set-up, counted by hand)."""
    assert mcnemar(0, 0) == 1
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar(2, 8) == mcnemar(8, 2)


@pytest.mark.parametrize("discordant", [1, 2, 7, 60, 1001, 100_000])
def test_mcnemar_is_scipys_binomial_test(discordant: int) -> None:
    """The p is that of a binomial test at even chances, from none to all on one side."""
    for count in sorted({0, 1, discordant // 3, discordant // 2, discordant - 1, discordant}):
        expected = stats.binomtest(count, discordant).pvalue
        assert mcnemar(count, discordant - count) == pytest.approx(expected, rel=1e-12, abs=0)


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


def slow_score(only_first: int, only_second: int, images: int, difference: float) -> float:
    """Return Tango's statistic, its nuisance parameter found by trying 200,000 values."""
    low = max(0.0, -difference)
    high = (1 - difference) / 2
    q = np.linspace(low, high, 200_001)[1:-1]
    concordant = images - only_first - only_second
    likelihood = (
        only_first * np.log(q + difference)
        + only_second * np.log(q)
        + concordant * np.log1p(-2 * q - difference)
    )
    best = q[np.argmax(likelihood)]
    variance = images * (2 * best + difference * (1 - difference))
    return float((only_first - only_second - images * difference) / np.sqrt(variance))


@pytest.mark.parametrize("table", [(1, 7, 21), (10, 3, 50), (2, 1, 30), (40, 12, 200)])
def test_tango_inverts_the_score_test(table: tuple[int, int, int]) -> None:
    """At either end the statistic, computed the slow way, is the normal quantile."""
    interval = tango_interval(*table)
    assert slow_score(*table, interval.low) == pytest.approx(1.96, abs=1e-3)
    assert slow_score(*table, interval.high) == pytest.approx(-1.96, abs=1e-3)


@settings(deadline=None)
@given(only_first=st.integers(0, 60), only_second=st.integers(0, 60), same=st.integers(1, 300))
def test_tango_changes_signs_with_sides(only_first: int, only_second: int, same: int) -> None:
    """Changing sides changes signs; the value lies within; a significant test excludes zero."""
    images = only_first + only_second + same
    interval = tango_interval(only_first, only_second, images)
    mirrored = tango_interval(only_second, only_first, images)
    assert interval.value is not None
    assert -1 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.low == pytest.approx(-mirrored.high)
    if mcnemar(only_first, only_second) < 0.05:
        assert interval.low > 0 or interval.high < 0


def test_whole_groups_are_compared_by_their_net_difference() -> None:
    """Forty images in four groups tell nothing that four do not; without groups they do."""
    first, second = np.ones(40, bool), np.zeros(40, bool)
    groups = np.repeat(np.arange(4), 10)
    assert compare_paired(first, second).verdict == "better"
    result = compare_paired(first, second, groups)
    assert (result.verdict, result.groups) == ("cannot tell", 4)
    assert result.p == pytest.approx(1 / 8)
    assert result.difference == tango_interval(0, 4, 4)
    assert list(result.as_dict())[-1] == "groups"


def test_images_that_are_groups_of_their_own_are_compared_as_before() -> None:
    """P and interval are those of McNemar and Tango."""
    pair = right(30, 12)
    plain, grouped = compare_paired(*pair), compare_paired(*pair, np.arange(152))
    assert grouped.p == pytest.approx(plain.p)
    assert (grouped.difference, grouped.verdict) == (plain.difference, plain.verdict)


def test_one_group_or_none_cannot_tell() -> None:
    """All images of one group are one observation, and of no images there is no difference."""
    one = compare_paired(np.ones(9, bool), np.zeros(9, bool), np.zeros(9, int))
    assert (one.p, one.verdict, one.difference.low) == (1, "cannot tell", -1)
    none = compare_paired(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, int))
    assert (none.p, none.difference.value, none.groups) == (1, None, 0)
