"""Newcombe's interval, against published values and its coverage."""

import numpy as np
import pytest
from scipy import stats

from stages.stats.newcombe import newcombe_interval


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_published_intervals(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """The ends are those of Newcombe's own table."""
    interval = newcombe_interval(*counts)
    assert interval.low == pytest.approx(low, abs=6e-5)
    assert interval.high == pytest.approx(high, abs=6e-5)


def test_the_other_way_round_is_the_mirror_image() -> None:
    """Exchanging the two changes the signs and nothing else."""
    one = newcombe_interval(12, 300, 9, 200)
    other = newcombe_interval(9, 200, 12, 300)
    assert one.low == pytest.approx(-other.high)
    assert one.high == pytest.approx(-other.low)


def test_without_images_nothing_is_known() -> None:
    """With none on one side there is no value, and the interval is everything."""
    interval = newcombe_interval(0, 0, 3, 9)
    assert (interval.value, interval.low, interval.high) == (None, -1.0, 1.0)


def test_coverage() -> None:
    """Over all outcomes of 300 and 200 images at 4 and 6 % error it covers in 94 to 97 %."""
    n, m, p, q = 300, 200, 0.04, 0.06
    covered = 0.0
    for a in np.arange(40):
        for b in np.arange(40):
            interval = newcombe_interval(int(a), n, int(b), m)
            if interval.low <= p - q <= interval.high:
                covered += stats.binom.pmf(a, n, p) * stats.binom.pmf(b, m, q)
    assert 0.94 < covered < 0.97
