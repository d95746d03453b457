"""Which of several processes that train one model this is; torchrun says it in the environment."""

import os
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rank:
    """A process: its number among so many, and its number on its machine."""

    number: int = 0
    count: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Return whether this is the one that talks and writes."""
        return self.number == 0

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Return this process's part of some rows; the parts follow each other, evenly long."""
        return np.array_split(rows, self.count)[self.number]


SINGLE_PROCESS = Rank()


def this_rank() -> Rank:
    """Return what torchrun says of this process; without it, the only one."""
    names = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0}
    return Rank(*(int(os.environ.get(name, value)) for name, value in names.items()))


def launched_by_torchrun() -> bool:
    """Return whether torchrun, or what stands for it here, started this process."""
    return "LOCAL_RANK" in os.environ
