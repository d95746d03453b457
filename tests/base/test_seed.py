"""Random draws are named, so that they do not depend on what else was drawn."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stages.base.seed import derive, derive_int

FIRST_KNOWN = 4632377962401797186  # as of the first version
NAMES = st.lists(st.one_of(st.text(max_size=8), st.integers(-(2**70), 2**70)), max_size=4)


@given(st.integers(0, 2**63 - 1), NAMES)
def test_same_names_give_the_same_draws(seed: int, names: list[str | int]) -> None:
    """A generator is a function of seed and names alone."""
    first = derive(seed, *names)
    second = derive(seed, *names)
    np.testing.assert_array_equal(first.random(4), second.random(4))
    assert derive_int(seed, *names) == derive_int(seed, *names)


@given(st.integers(0, 2**63 - 1), st.lists(NAMES.map(tuple), min_size=2, max_size=5, unique=True))
def test_other_names_give_other_draws(seed: int, lists: list[tuple[str | int, ...]]) -> None:
    """No two different lists of names share a stream, however similar they are."""
    draws = {derive(seed, *names).integers(2**63) for names in lists}
    kinds = {tuple((type(part), part) for part in names) for names in lists}
    assert len(draws) == len(kinds)


def test_names_are_not_joined() -> None:
    """('ab', 'c') and ('a', 'bc'), 1 and '1', nothing and '' are all different."""
    lists: list[tuple[str | int, ...]] = [
        ("ab", "c"), ("a", "bc"), ("abc",), (1,), ("1",), (), ("",), (0,)
    ]  # fmt: skip
    assert len({derive_int(0, *names) for names in lists}) == len(lists)


def test_the_seed_matters() -> None:
    """A thousand seeds next to each other give a thousand different numbers."""
    assert len({derive_int(seed, "x") for seed in range(1000)}) == 1000


def test_drawing_from_one_leaves_another_alone() -> None:
    """The order in which generators are used changes nothing."""
    a = derive(1, "a")
    b = derive(1, "b")
    a.random(1000)
    assert b.random() == derive(1, "b").random()


def test_numbers_fit_what_libraries_take() -> None:
    """A number stays in 0 to 2**63 - 1 and uses that range evenly."""
    values = [derive_int(7, "draw", i) for i in range(2000)]
    assert all(isinstance(value, int) and 0 <= value < 2**63 for value in values)
    assert stats.kstest(np.array(values) / 2**63, "uniform").pvalue > 0.001


def test_first_draws_of_many_names_are_uniform_and_independent() -> None:
    """The first draw over names is uniform, and neighbours do not correlate."""
    first = np.array([derive(3, "image", i).random() for i in range(2000)])
    assert stats.kstest(first, "uniform").pvalue > 0.001
    assert abs(stats.pearsonr(first[:-1], first[1:]).statistic) < 0.08


def test_draws_do_not_depend_on_the_process() -> None:
    """Python salts its own hash in each process; these draws are the same in all."""
    code = "from stages.base.seed import derive_int; print(derive_int(42, 'a', 1))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": str(salt)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for salt in range(2)
    }
    assert runs == {str(derive_int(42, "a", 1))}


def test_known_values() -> None:
    """The draws of a seed never change: results that were published stay reachable."""
    assert derive_int(42, "order", 0) == FIRST_KNOWN
    pairs = itertools.pairwise(derive_int(42, "order", i) for i in range(5))
    assert all(left != right for left, right in pairs)
