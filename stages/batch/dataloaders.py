"""What one process is fed: its share of every batch of training, and of validation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.base.ranks import Rank
from stages.batch.loader import (
    Batch,
    Photos,
    RenderSpec,
    open_photos,
    train_batches,
    train_steps,
    valid_batches,
)
from stages.batch.views import AugmentParams
from stages.store.reader import Store


class DataLoaders(NamedTuple):
    """Both sides of the split, and how they become batches; batch_size is that of all together."""

    train: Photos
    valid: Photos
    look: RenderSpec
    augment: AugmentParams
    batch_size: int
    seed: int
    rank: Rank

    @property
    def steps(self) -> int:
        """Return the batches in an epoch of training."""
        return train_steps(len(self.train), self.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield the batches of an epoch (from 1), from a step (from 0) on."""
        look, augment, size = self.look, self.augment, self.batch_size
        return train_batches(self.train, look, augment, size, self.seed, epoch, first, self.rank)

    def held(self) -> Iterator[Batch]:
        """Yield the batches of validation."""
        return valid_batches(self.valid, self.look, self.batch_size, self.rank)

    def looked_at(self, rows: np.ndarray) -> Iterator[Batch]:
        """Yield the batches of some images of validation, all in this process."""
        return valid_batches(self.valid.subset(rows), self.look, self.batch_size)


def open_dataloaders(
    store: Store,
    splits: pd.DataFrame,
    class_names: list[str],
    look: RenderSpec,
    augment: AugmentParams,
    batch_size: int,
    seed: int,
    rank: Rank,
    workers: int,
) -> DataLoaders:
    """Open the photos of both sides; a UserError where shares would be uneven."""
    sides = [splits[splits["split"] == side] for side in ("train", "valid")]
    _refuse_uneven(rank, batch_size, *(len(side) for side in sides))
    train, valid = (open_photos(store, side, class_names, workers, look.device) for side in sides)
    return DataLoaders(train, valid, look, augment, batch_size, seed, rank)


def _refuse_uneven(rank: Rank, batch_size: int, train: int, valid: int) -> None:
    if batch_size % rank.count:
        fits = max(batch_size // rank.count, 1) * rank.count
        raise UserError(
            f"fine_tune.batch_size: {batch_size} images cannot be shared evenly among "
            f"{rank.count} processes; set {fits}, or another FINETRACK_GPUS"
        )
    if rank.count > 1 and (train < batch_size or valid < rank.count):
        raise UserError(
            f"{train} images for training and {valid} for validation are too few for {rank.count} "
            f"processes with fine_tune.batch_size: {batch_size}; leave FINETRACK_GPUS out"
        )
