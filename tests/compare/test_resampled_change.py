"""The interval of a mean's change, by images and by groups."""

import numpy as np
import pytest

from stages.compare.resampled_change import Statistic, resampled_change


def mean_of(values: np.ndarray) -> Statistic:
    """Return the mean of the images drawn."""
    return lambda drawn: drawn @ values / drawn.sum(axis=1)


def test_whole_groups_are_drawn() -> None:
    """Copies of images are worth the images: the interval is about that of the images once."""
    rng = np.random.default_rng(1)
    base, other = rng.random(200), rng.random(200) + 0.1
    rows = np.repeat(np.arange(200), 9)
    generator = np.random.default_rng(2)
    once = resampled_change([mean_of(base)], [mean_of(other)], 200, generator)
    copied = ([mean_of(base[rows])], [mean_of(other[rows])], 1800, generator)
    counted = resampled_change(*copied).difference
    grouped = resampled_change(*copied, rows).difference
    assert grouped.value == pytest.approx(once.difference.value)
    assert grouped.high == pytest.approx(once.difference.high, abs=0.015)
    assert grouped.high - grouped.low > 2 * (counted.high - counted.low)
