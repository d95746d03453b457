"""A batch as the model takes it, and the plan by which an epoch is cut into batches."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.base.seed import derive
from stages.batch.balance import BalanceName, draw_rows
from stages.batch.epoch_size import steps_per_epoch


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B images with their targets, on the device of the model."""

    images: Tensor  # (B, 3, S, S) normalised, channels last, in the type that the spec names
    targets: Tensor  # (B,) int64, class numbers
    rows: np.ndarray  # (B,) row numbers in the image set


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """How epochs of training are shuffled, cut into batches and shared between processes."""

    batch_size: int  # of all processes together
    seed: int
    rank: Rank = SINGLE_PROCESS
    balance: BalanceName = "none"

    def drawn(self, targets: np.ndarray, epoch: int) -> np.ndarray:
        """Return the row of each place in an epoch, (N,), for the targets of the image set, (N,).

        It depends on the targets, the seed and the epoch's number alone.
        """
        if self.balance == "none":
            return np.arange(len(targets))
        return draw_rows(targets, self.balance, derive(self.seed, "balance", epoch))

    def steps(self, images: int) -> int:
        """Return the batches in an epoch: whole ones only, but at least one."""
        return steps_per_epoch(images, self.batch_size)

    def epoch_rows(self, images: int, epoch: int, first_step: int = 0) -> list[np.ndarray]:
        """Return the places of this process's share of each batch, from a step (from 0) on.

        A place is a row of the image set, or what `drawn` has there. The order of an epoch depends
        on the seed and the epoch's number alone.
        """
        order = derive(self.seed, "order", epoch).permutation(images)
        size = self.batch_size
        steps = range(first_step, self.steps(images))
        return [self.rank.share(order[step * size : (step + 1) * size]) for step in steps]
