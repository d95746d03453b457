"""Holm's step-down method."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stages.stats.holm import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_worked_example() -> None:
    """.01, .02, .03, .04, .05: each multiplied by what is left, and none below one before it."""
    assert np.allclose(holm([0.04, 0.01, 0.03, 0.05, 0.02]), [0.09, 0.05, 0.09, 0.09, 0.08])


def test_one_p_or_none_stays_as_it_is() -> None:
    """One p is not changed, and an empty list stays empty."""
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(p_values)
def test_between_no_adjustment_and_bonferroni(raw: list[float]) -> None:
    """Holm's p is never below the p given, and never above Bonferroni's."""
    adjusted = np.array(holm(raw))
    assert np.all(adjusted >= np.array(raw))
    assert np.all(adjusted <= np.minimum(np.array(raw) * len(raw), 1) + 1e-12)


@given(p_values)
def test_it_rejects_as_the_definition_says(raw: list[float]) -> None:
    """At 5 % it rejects step by step until the first that is too large, and nothing after."""
    rejected = np.zeros(len(raw), bool)
    for step, place in enumerate(np.argsort(raw, kind="stable")):
        if raw[place] * (len(raw) - step) >= 0.05:
            break
        rejected[place] = True
    assert np.array_equal(np.array(holm(raw)) < 0.05, rejected)


def test_true_nulls_are_seldom_rejected() -> None:
    """Of 2,000 families of ten true nulls at most 5 % have any rejection, allowing for chance."""
    families = np.random.default_rng(3).random((2000, 10))
    with_rejection = sum(min(holm(list(family))) < 0.05 for family in families)
    assert stats.binomtest(with_rejection, 2000, 0.05, alternative="greater").pvalue > 0.001
