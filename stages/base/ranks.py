"""Ranks: which of the processes that train one model this is, as torchrun's variables say."""

import os
import re
from dataclasses import dataclass

import numpy as np

from stages.base.echo import echo
from stages.base.errors import UserError


@dataclass(frozen=True)
class Rank:
    """A process of those that train one model: its rank and their count, of all and where it is."""

    number: int = 0
    count: int = 1
    local: int = 0  # its rank among those of its machine
    here: int = 1  # the count of those

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

    A UserError names the variable that is no number, as where a cluster sets it otherwise.
    """
    names = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    values = {name: os.environ.get(name, value) for name, value in names.items()}
    for name, value in values.items():
        if not re.fullmatch("[0-9]{1,6}", value):
            raise UserError(
                f"{name} is torchrun's and must be a number, not {echo(value)}: unset it"
            )
    return Rank(*map(int, values.values()))


def launched_by_torchrun() -> bool:
    """Return whether torchrun started this process, or `launch` as torchrun does."""
    return "LOCAL_RANK" in os.environ
