"""Progress of training: what a run that goes on must know, beside the weights."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

# The last two are no training: the weights averaged at the end, and the probe as it is.
HistoryPhase: TypeAlias = Literal["frozen", "unfrozen", "averaged", "probe"]
_WITHOUT_TRAINING = {"averaged": "averaged with the probe", "probe": "the probe as it is"}


class HistoryRow(NamedTuple):
    """A row of history.csv."""

    epoch: int
    phase: HistoryPhase
    lr: float  # of the head, at the last step
    train_loss: float  # NaN without training
    valid_loss: float  # both NaN where no image validates
    error_rate: float

    @property
    def trained(self) -> bool:
        """Return whether this is an epoch of training, not the average at the end or the probe."""
        return self.phase in ("frozen", "unfrozen")

    def line(self) -> str:
        """Return the row as a person reads it while waiting."""
        parts = [_WITHOUT_TRAINING.get(self.phase, f"epoch {self.epoch:3d} {self.phase:8s}")]
        if not isnan(self.train_loss):
            parts.append(f"train loss {self.train_loss:.3f}")
        if not isnan(self.valid_loss):
            parts.append(f"valid loss {self.valid_loss:.3f}  error {self.error_rate:.1%}")
        return "  ".join(parts).rstrip()


def count_trained(rows: Iterable[HistoryRow]) -> int:
    """Return how many of the rows are epochs of training."""
    return sum(row.trained for row in rows)


# What is told of all epochs so far, whenever one has ended, by the first process.
HistoryListener: TypeAlias = Callable[[Sequence[HistoryRow]], None]


def no_listener(epochs: Sequence[HistoryRow]) -> None:
    """Do nothing with the epochs."""


class Margins:
    """Area under the margin (Pleiss et al. 2020): the mean margin of every image over the epochs.

    Here of probabilities. It betrays wrong labels: one is learned late or never, so its mean
    stays low.
    """

    def __init__(self, sums: np.ndarray, counts: np.ndarray) -> None:
        """Go on from these sums (N,) float64 and counts (N,) int64."""
        self.sums = sums
        self.counts = counts

    @classmethod
    def empty(cls, images: int) -> "Margins":
        """Return the margins before the first step."""
        return cls(np.zeros(images), np.zeros(images, dtype=np.int64))

    def add(self, rows: np.ndarray, margins: np.ndarray) -> None:
        """Add the margins (B,) of the images in these rows."""
        np.add.at(self.sums, rows, margins)  # an image may be in a batch twice
        np.add.at(self.counts, rows, 1)

    def mean(self) -> np.ndarray:
        """Return the means (N,) float32; NaN for an image that was in no step."""
        means = self.sums / np.maximum(self.counts, 1)
        return np.where(self.counts > 0, means, np.nan).astype(np.float32)


@dataclass
class Progress:
    """Where training stands: between two steps, or at the end of an epoch before its validation."""

    margins: Margins
    epochs: list[HistoryRow] = field(default_factory=list)  # those that have been validated
    losses: list[float] = field(default_factory=list)  # of the steps of the running epoch

    @property
    def epoch(self) -> int:
        """Return the number of the running epoch, from 1."""
        return len(self.epochs) + 1

    @property
    def step(self) -> int:
        """Return the number of the next step in its epoch, from 0."""
        return len(self.losses)

    def where(self) -> str:
        """Return the place in words.

        >>> Progress(Margins.empty(1), losses=[0.7, 0.6]).where()
        'epoch 1, step 2'
        """
        return f"epoch {self.epoch}, step {self.step}"

    def end_epoch(self, row: HistoryRow) -> None:
        """Note a validated epoch; the next one begins."""
        self.epochs.append(row)
        self.losses.clear()
