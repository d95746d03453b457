"""The dataloaders of one process: its share of every batch of training and of validation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.batch.balance import log_ratios
from stages.batch.batches import Batch, BatchPlan
from stages.batch.image_set import ImageSet, open_image_sets
from stages.batch.loader import train_batches, valid_batches
from stages.batch.memory_budget import memory_budget
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.dataset.folds import fold_sides
from stages.dataset.split_files import list_class_names
from stages.store.reader import Store


@dataclass(frozen=True, kw_only=True)
class DataLoaders:
    """Both sides of the split, and how they become batches."""

    train: ImageSet
    valid: ImageSet
    classes: int
    render: RenderSpec
    augment: AugmentParams
    plan: BatchPlan
    # By number: the side of each training image while that fold validates, (T,) str; {} without.
    folds: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def log_ratios(self) -> np.ndarray | None:
        """Return what balance adds to the log odds of each class, (C,); None without balance."""
        return log_ratios(self.train.targets, self.classes, self.plan.balance)

    @property
    def steps(self) -> int:
        """Return the batches in an epoch of training."""
        return self.plan.steps(len(self.train))

    def train_batches(self, epoch: int, first_step: int) -> Iterator[Batch]:
        """Yield the batches of an epoch (from 1), from a step (from 0) on."""
        return train_batches(self.train, self.render, self.augment, self.plan, epoch, first_step)

    def valid_batches(self) -> Iterator[Batch]:
        """Yield the batches of validation."""
        return valid_batches(self.valid, self.render, self.plan.batch_size, self.plan.rank)

    def valid_subset(self, rows: np.ndarray) -> Iterator[Batch]:
        """Yield the batches of some validation images, all of them in this process."""
        return valid_batches(self.valid.subset(rows), self.render, self.plan.batch_size)

    def of_fold(self, number: int) -> "DataLoaders":
        """Return the training images but those of a fold, which are to validate."""
        sides = self.folds[number]
        return self._divided(np.flatnonzero(sides == "train"), np.flatnonzero(sides == "valid"))

    def hold_out(self, rows: np.ndarray) -> "DataLoaders":
        """Return the training images but those of these rows, (T,) bool, which are to validate."""
        return self._divided(np.flatnonzero(~rows), np.flatnonzero(rows))

    def _divided(self, train: np.ndarray, valid: np.ndarray) -> "DataLoaders":
        return replace(self, train=self.train.subset(train), valid=self.train.subset(valid))


def open_dataloaders(
    store: Store,
    splits: pd.DataFrame,
    workers: int,
    render: RenderSpec,
    augment: AugmentParams,
    plan: BatchPlan,
) -> DataLoaders:
    """Open the image sets of both sides; a UserError where shares would be uneven.

    splits has path, label and split; targets count the sorted labels of all its images. Where the
    split is by folds no image validates here.
    """
    train = splits[splits["split"] == "train"]
    valid = splits[splits["split"] == "valid"]
    _refuse_uneven(plan, len(train), len(valid))
    class_names = list_class_names(splits)
    budget = memory_budget(render.device, plan.rank)
    train_set, valid_set = open_image_sets(
        store, [train, valid], class_names, workers, render.device, budget
    )
    return DataLoaders(
        train=train_set,
        valid=valid_set,
        classes=len(class_names),
        render=render,
        augment=augment,
        plan=plan,
        folds=fold_sides(train),
    )


def _refuse_uneven(plan: BatchPlan, train: int, valid: int) -> None:
    """Raise a UserError where processes could not have equal shares of every batch."""
    batch_size = plan.batch_size
    processes = plan.rank.count
    if batch_size % processes:
        suitable = max(batch_size // processes, 1) * processes
        raise UserError(
            f"fine_tune.batch_size: {batch_size} images cannot be shared evenly among "
            f"{processes} processes; set {suitable}, or another FINETRACK_GPUS"
        )
    if processes > 1 and not valid:
        raise UserError(
            "datablock.split.by: folds is for few photos, which one process trains; leave "
            "FINETRACK_GPUS out"
        )
    if processes > 1 and (train < batch_size or valid < processes):
        raise UserError(
            f"{train} images for training and {valid} for validation are too few for {processes} "
            f"processes with fine_tune.batch_size: {batch_size}; leave FINETRACK_GPUS out"
        )
