"""Ranks: which of the processes that train one model this is, as torchrun's variables say."""

import os
import re
from dataclasses import dataclass, replace

import numpy as np

from stages.base.echo import echo
from stages.base.errors import UserError


@dataclass(frozen=True)
class Rank:
    """A process of those that train one model: its rank and their count, of all and where it is."""

    number: int = 0
    count: int = 1
    local: int = 0  # its rank among those of its machine
    here: int = 1  # the count of those; 0 where nobody says

    @property
    def first(self) -> bool:
        """Return whether this is the process that prints and writes."""
        return self.number == 0

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Return this process's part of the rows; parts are consecutive and as equal as can be."""
        return np.array_split(rows, self.count)[self.number]


SINGLE_PROCESS = Rank()


def this_rank() -> Rank:
    """Return the rank that torchrun gave this process; without torchrun it is the only one.

    Where something else launches several, and does not say how many are here and which of them
    this is, that count is unknown. A UserError names the variable that cannot be, as where a
    cluster sets it otherwise.
    """
    rank = Rank(_variable("RANK", 0), _variable("WORLD_SIZE", 1), _variable("LOCAL_RANK", 0))
    here = _variable("LOCAL_WORLD_SIZE", 0)
    _refuse(rank.count < 1, "WORLD_SIZE", "1 or more")
    _refuse(rank.count > 1 and "RANK" not in os.environ, "WORLD_SIZE", "1 where RANK is not set")
    _refuse(rank.number >= rank.count, "RANK", "less than", "WORLD_SIZE")
    _refuse(rank.local > rank.number, "LOCAL_RANK", "at most", "RANK")
    if "LOCAL_WORLD_SIZE" in os.environ:
        _refuse(here < 1, "LOCAL_WORLD_SIZE", "1 or more")
        _refuse(here > rank.count, "LOCAL_WORLD_SIZE", "at most", "WORLD_SIZE")
        _refuse(rank.local >= here, "LOCAL_RANK", "less than", "LOCAL_WORLD_SIZE")
    known = here if "LOCAL_RANK" in os.environ else 0
    return replace(rank, here=1 if rank.count == 1 else known)


def refuse_no_address(rank: Rank) -> None:
    """Raise a UserError where several processes have no address at which they meet."""
    for name in ("MASTER_ADDR", "MASTER_PORT") if rank.count > 1 else ():
        if not os.environ.get(name):
            raise UserError(
                f"{name} is torchrun's and not set, though WORLD_SIZE is {rank.count}: "
                "unset RANK and WORLD_SIZE, or start all by python -m stages.tools.torchrun"
            )


def _refuse(wrong: bool, name: str, rule: str, other: str = "") -> None:
    """Raise a UserError where a variable breaks a rule, on its own or beside another one."""
    if wrong:
        beside = f"is {os.environ[other]}" if other in os.environ else "is not set"
        than = f" {other}, which {beside}" if other else ""
        which = "both" if other in os.environ else "it"
        value = os.environ[name]
        raise UserError(
            f"{name} is torchrun's and {value} here, but must be {rule}{than}: unset {which}"
        )


def _variable(name: str, default: int) -> int:
    """Return the number that one of torchrun's variables holds."""
    value = os.environ.get(name, str(default))
    if not re.fullmatch("[0-9]{1,6}", value):
        raise UserError(f"{name} is torchrun's and must be a number, not {echo(value)}: unset it")
    return int(value)


def launched_by_torchrun() -> bool:
    """Return whether torchrun started this process, or `launch` as torchrun does."""
    return "LOCAL_RANK" in os.environ
