"""Training data: the batches of both sides of the split, and the task of learning from them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.model.classifier import Classifier
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.plan import FineTuneParams
from stages.train.progress import HistoryListener, no_listener


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The batches of training and of validation."""

    train_batches: Callable[[int, int], Iterable[Batch]]  # of an epoch (from 1) from a step on
    steps: int  # batches in an epoch of training
    valid_batches: Callable[[], Iterable[Batch]]
    train_images: int
    valid_targets: np.ndarray  # class numbers (V,)
    log_ratios: np.ndarray | None = None  # (C,) of balanced classes, as balance.py has them

    @classmethod
    def from_loaders(cls, loaders: DataLoaders) -> "TrainingData":
        """Return what the dataloaders of both sides give."""
        return cls(
            train_batches=loaders.train_batches,
            steps=loaders.steps,
            valid_batches=loaders.valid_batches,
            train_images=len(loaders.train),
            valid_targets=loaders.valid.targets,
            log_ratios=loaders.log_ratios,
        )


@dataclass(frozen=True)
class TrainingTask:
    """All that stays the same throughout a run of training."""

    model: Classifier
    params: FineTuneParams
    compute: Compute
    data: TrainingData
    checkpoints: Checkpoints
    seed: int
    epoch_ended: HistoryListener = no_listener
