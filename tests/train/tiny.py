"""A classifier small enough for tests, and batches that it can learn."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from stages.model.classifier import Classifier, make_head
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import TrainingData, TrainingTask
from stages.train.plan import FineTuneParams

CPU = Compute(torch.device("cpu"), torch.float32)


class Shown(NamedTuple):
    """A batch."""

    images: Tensor
    targets: Tensor
    rows: np.ndarray


def tiny_model(classes: int = 3, seed: int = 0) -> Classifier:
    """Return a body of two convolutions with batch norm, and fastai's head."""
    torch.manual_seed(seed)
    body = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)
    )
    return Classifier(body, make_head("fastai", 8, classes), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def tiny_batches(count: int = 6, size: int = 9, classes: int = 3, seed: int = 0) -> list[Shown]:
    """Return batches whose class is the brightest channel."""
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for number in range(count):
        targets = torch.randint(0, classes, (size,), generator=generator)
        images = torch.randn(size, 3, 8, 8, generator=generator) * 0.3
        images[torch.arange(size), targets] += 1
        batches.append(Shown(images, targets, np.arange(size) + number * size))
    return batches


GOOD = {
    "epochs": 3, "freeze_epochs": 1, "base_lr": 0.02, "lr_rule": "consensus", "lr_mult": 2.0,
    "batch_size": 9, "precision": "fp32", "train_bn": True, "loss": "cross_entropy",
    "label_smoothing": 0.0,
}  # fmt: skip
HELD = tiny_batches(2, seed=9)
TARGETS = np.concatenate([batch.targets.numpy() for batch in HELD])


def tiny_data(batches: list[Shown] | None = None) -> TrainingData:
    """Return six batches an epoch, or these, and two for validation."""
    shown = batches or tiny_batches(6, seed=0)
    images = sum(len(batch.rows) for batch in shown)
    return TrainingData(
        lambda epoch, first: shown[first:], len(shown), lambda: HELD, images, TARGETS
    )


def tiny_task(path: Path, seed: int = 1, compute: Compute = CPU, **changes: Any) -> TrainingTask:
    """Return a short run, whose checkpoint is kept in that file."""
    kept = Checkpoints(path, {"seed": seed})
    params = FineTuneParams(**{**GOOD, **changes})
    return TrainingTask(tiny_model(), params, compute, tiny_data(), kept, seed)
