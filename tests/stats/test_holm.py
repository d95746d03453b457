"""Holm's step-down method."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stages.stats.holm import holm

values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_worked_example() -> None:
    """.01, .02, .03, .04, .05: each multiplied by what is left, and none below one before it."""
    assert np.allclose(holm([0.04, 0.01, 0.03, 0.05, 0.02]), [0.09, 0.05, 0.09, 0.09, 0.08])


def test_nothing_to_adjust() -> None:
    """One test is left as it is, and none gives none."""
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(values)
def test_between_no_adjustment_and_bonferroni(p: list[float]) -> None:
    """Holm's p is never below the p given, and never above Bonferroni's."""
    adjusted = np.array(holm(p))
    assert np.all(adjusted >= np.array(p))
    assert np.all(adjusted <= np.minimum(np.array(p) * len(p), 1) + 1e-12)


@given(values)
def test_it_rejects_as_the_definition_says(p: list[float]) -> None:
    """At 5 % it rejects step by step until the first that is too large, and nothing after."""
    rejected = np.zeros(len(p), bool)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] * (len(p) - step) >= 0.05:
            break
        rejected[place] = True
    assert np.array_equal(np.array(holm(p)) < 0.05, rejected)


def test_true_nulls_are_seldom_rejected() -> None:
    """Of 2,000 families of ten true nulls at most 5 % have any rejection, allowing for chance."""
    draws = np.random.default_rng(3).random((2000, 10))
    families = sum(min(holm(list(row))) < 0.05 for row in draws)
    assert stats.binomtest(families, 2000, 0.05, alternative="greater").pvalue > 0.001
