"""Equal-mass bins, against pandas' cut by quantiles."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.stats.bins import equal_mass_bins


@pytest.mark.parametrize(("values", "bins"), [(400, 10), (149, 9), (44, 2), (29, 1), (1, 1)])
def test_there_are_as_many_bins_as_the_values_fill(values: int, bins: int) -> None:
    """There are at most ten bins, and none would hold fewer than fifteen values."""
    numbers = equal_mass_bins(np.random.default_rng(0).random(values), 10, 15)
    assert np.unique(numbers).tolist() == list(range(bins))


def test_bins_are_those_of_pandas() -> None:
    """Without equal values the bins are quantile bins, each of the same size."""
    values = np.random.default_rng(1).random(100)
    numbers = equal_mass_bins(values, 5, 20)
    assert np.bincount(numbers).tolist() == [20] * 5
    assert numbers.tolist() == pd.qcut(values, 5, labels=False).tolist()


def test_equal_values_share_a_bin() -> None:
    """A value that most images have fills one bin, whatever its size."""
    numbers = equal_mass_bins(np.array([1.0] * 90 + [0.5] * 10), 10, 10)
    assert len(np.unique(numbers[:90])) == 1
    assert np.unique(numbers[90:]).tolist() != np.unique(numbers[:90]).tolist()
    assert len(np.unique(equal_mass_bins(np.full(60, 0.9), 10, 15))) == 1


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_bins_rise_with_the_value(values: list[int]) -> None:
    """A larger value never has a lower bin, and equal values have the same one."""
    array = np.array(values, dtype=float)
    numbers = equal_mass_bins(array, 5, 10)
    order = np.argsort(array, kind="stable")
    assert np.all(np.diff(numbers[order]) >= 0)
    assert len({*zip(array.tolist(), numbers.tolist(), strict=True)}) == len({*values})
