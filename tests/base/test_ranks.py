"""Processes that train together, and their shares."""

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.base.ranks import (
    SINGLE_PROCESS,
    Rank,
    launched_by_torchrun,
    refuse_no_address,
    this_rank,
)


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


def _line_for(variables: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the line that refuses variables, given as in a shell."""
    for variable in variables.split():
        monkeypatch.setenv(*variable.split("="))
    with pytest.raises(UserError) as error:
        this_rank()
    return str(error.value)


@pytest.mark.parametrize(
    ("variables", "rule"),
    [
        ("RANK=1", "RANK _ 1 here, but must be less than WORLD_SIZE, which is not set: unset it"),
        (
            "RANK=2 WORLD_SIZE=2",
            "RANK _ 2 here, but must be less than WORLD_SIZE, which is 2: unset both",
        ),
        ("RANK=0 WORLD_SIZE=0", "WORLD_SIZE _ 0 here, but must be 1 or more: unset it"),
        ("WORLD_SIZE=2", "WORLD_SIZE _ 2 here, but must be 1 where RANK is not set: unset it"),
        (
            "LOCAL_RANK=1",
            "LOCAL_RANK _ 1 here, but must be at most RANK, which is not set: unset it",
        ),
        (
            "RANK=0 WORLD_SIZE=2 LOCAL_RANK=1",
            "LOCAL_RANK _ 1 here, but must be at most RANK, which is 0: unset both",
        ),
        (
            "RANK=3 WORLD_SIZE=4 LOCAL_RANK=2 LOCAL_WORLD_SIZE=2",
            "LOCAL_RANK _ 2 here, but must be less than LOCAL_WORLD_SIZE, which is 2: unset both",
        ),
        (
            "RANK=1 WORLD_SIZE=2 LOCAL_WORLD_SIZE=3",
            "LOCAL_WORLD_SIZE _ 3 here, but must be at most WORLD_SIZE, which is 2: unset both",
        ),
        (
            "LOCAL_WORLD_SIZE=2",
            "LOCAL_WORLD_SIZE _ 2 here, but must be at most WORLD_SIZE, which is not set: unset it",
        ),
        ("LOCAL_WORLD_SIZE=0", "LOCAL_WORLD_SIZE _ 0 here, but must be 1 or more: unset it"),
    ],
)
def test_variables_that_contradict_each_other_are_refused(
    variables: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rank that cannot be, of all or of a machine, is named with its value and what to unset."""
    line = _line_for(variables, monkeypatch)
    assert line == rule.replace(" _ ", " is torchrun's and ")


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"])
@pytest.mark.parametrize("value", ["", "-1", "two", "1.0", "9" * 5000])
def test_a_rank_that_is_no_number_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of torchrun's that something else set to no number is named, with the remedy."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=rf"^{name} is torchrun's and must be a number.*unset it"):
        this_rank()


@pytest.mark.parametrize("missing", ["MASTER_ADDR", "MASTER_PORT"])
def test_processes_that_cannot_meet_are_refused(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several processes without an address to meet at, the variable that lacks is named."""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    refuse_no_address(Rank(1, 2))
    monkeypatch.delenv(missing)
    refuse_no_address(SINGLE_PROCESS)
    with pytest.raises(UserError, match=rf"^{missing} is torchrun's and not set.*WORLD_SIZE is 2"):
        refuse_no_address(Rank(1, 2))
