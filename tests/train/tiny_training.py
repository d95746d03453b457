"""A classifier small enough for tests, batches that it can learn, and a short run of training."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from stages.batch.batches import Batch
from stages.model.classifier import Classifier, make_head
from stages.model.model_params import HeadName
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.plan import FineTuneParams
from stages.train.training_data import TrainingData, TrainingTask

CPU = Compute(torch.device("cpu"), torch.float32)
PARAMS = FineTuneParams(
    images_seen="auto",
    epochs=3,
    freeze_epochs=1,
    base_lr=0.02,
    lr_rule="consensus",
    lr_mult=2.0,
    batch_size=9,
    accumulate=1,
    precision="fp32",
    train_bn=True,
    frozen_share=0.0,
    loss="cross_entropy",
    label_smoothing=0.0,
    balance="none",
    start="auto",
    trained_share=1.0,
    trial=False,
)


def changed_params(**changes: Any) -> FineTuneParams:
    """Return the params of the short run with other values, checked."""
    return FineTuneParams(**{**PARAMS.model_dump(), **changes})


def tiny_model(classes: int = 3, seed: int = 0, head: HeadName = "fastai") -> Classifier:
    """Return a backbone of two convolutions with batch norm, and a head, by default fastai's."""
    torch.manual_seed(seed)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)
    )
    return Classifier(backbone, make_head(head, 8, classes), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def layer(module: nn.Module, *names: int | str) -> Any:
    """Return a layer inside others by the names of children, such as 0 or conv1."""
    return module.get_submodule(".".join(str(name) for name in names))


def tiny_batches(count: int = 6, size: int = 9, classes: int = 3, seed: int = 0) -> list[Batch]:
    """Return batches whose class is the brightest channel."""
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for number in range(count):
        targets = torch.randint(0, classes, (size,), generator=generator)
        images = torch.randn(size, 3, 8, 8, generator=generator) * 0.3
        images[torch.arange(size), targets] += 1
        batches.append(Batch(images=images, targets=targets, rows=np.arange(size) + number * size))
    return batches


VALID_BATCHES = tiny_batches(2, seed=9)


def tiny_data(batches: list[Batch] | None = None) -> TrainingData:
    """Return six batches an epoch, or these, and two for validation."""
    train_batches = batches or tiny_batches(6, seed=0)
    return TrainingData(
        train_batches=lambda epoch, first_step: train_batches[first_step:],
        steps=len(train_batches),
        valid_batches=lambda: VALID_BATCHES,
        train_images=sum(len(batch.rows) for batch in train_batches),
        valid_targets=np.concatenate([batch.targets.numpy() for batch in VALID_BATCHES]),
    )


def tiny_task(path: Path, seed: int = 1, compute: Compute = CPU, **changes: Any) -> TrainingTask:
    """Return a short run with its checkpoint in that file, of changed params."""
    checkpoints = Checkpoints(path, {"seed": seed})
    params = changed_params(**changes)
    return TrainingTask(tiny_model(), params, compute, tiny_data(), checkpoints, seed)
