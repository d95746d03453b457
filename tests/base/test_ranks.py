"""Processes that train together, and their shares."""

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.base.ranks import SINGLE_PROCESS, Rank, launched_by_torchrun, this_rank


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_shares_together_are_the_whole_in_order(count: int) -> None:
    """The shares of all processes, one after the other, are the rows, none twice."""
    rows = np.arange(12)
    shares = [Rank(number, count).share(rows) for number in range(count)]
    assert np.array_equal(np.concatenate(shares), rows)
    assert {len(share) for share in shares} == {12 // count}


def test_uneven_shares_differ_by_one_at_most() -> None:
    """Where the rows do not divide evenly, the first processes get one more each."""
    assert [len(Rank(number, 4).share(np.arange(10))) for number in range(4)] == [3, 3, 2, 2]


def test_one_process_without_torchrun() -> None:
    """Without torchrun there is one process, and it is the first."""
    assert this_rank() == SINGLE_PROCESS
    assert SINGLE_PROCESS.first
    assert not launched_by_torchrun()


def test_torchruns_variables_give_the_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sixth of eight processes, on the second machine of two, is third there."""
    variables = {"RANK": "6", "WORLD_SIZE": "8", "LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "4"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert this_rank() == Rank(6, 8, 2, 4)
    assert not this_rank().first
    assert launched_by_torchrun()


@pytest.mark.parametrize(("unset", "local"), [("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1)])
def test_without_a_variable_nobody_knows_who_is_here(
    monkeypatch: pytest.MonkeyPatch, unset: str, local: int
) -> None:
    """Of two processes that something else launched the count on this machine is unknown."""
    variables = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(unset)
    assert this_rank() == Rank(1, 2, local, 0)


@pytest.mark.parametrize("count", ["0", "2"])
def test_a_rank_beyond_the_processes_here_is_refused(
    monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    """The third of two processes on a machine cannot be, and both variables are named."""
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", count)
    with pytest.raises(UserError, match=f"LOCAL_RANK .*less than LOCAL_WORLD_SIZE, {count}, not 2"):
        this_rank()


@pytest.mark.parametrize("value", ["", "-1", "two", "1.0", "9" * 5000])
def test_a_rank_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A variable of torchrun's that something else set to no number is named, with the remedy."""
    monkeypatch.setenv("LOCAL_RANK", value)
    with pytest.raises(UserError, match=r"LOCAL_RANK is torchrun's and must be a number.*unset it"):
        this_rank()
