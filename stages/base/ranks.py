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
    if "LOCAL_WORLD_SIZE" in os.environ and rank.local >= here:
        raise UserError(
            f"LOCAL_RANK is torchrun's and must be less than LOCAL_WORLD_SIZE, {here}, "
            f"not {rank.local}: unset both"
        )
    known = here if "LOCAL_RANK" in os.environ else 0
    return replace(rank, here=1 if rank.count == 1 else known)


def _variable(name: str, default: int) -> int:
    """Return the number that one of torchrun's variables holds."""
    value = os.environ.get(name, str(default))
    if not re.fullmatch("[0-9]{1,6}", value):
        raise UserError(f"{name} is torchrun's and must be a number, not {echo(value)}: unset it")
    return int(value)


def launched_by_torchrun() -> bool:
    """Return whether torchrun started this process, or `launch` as torchrun does."""
    return "LOCAL_RANK" in os.environ
