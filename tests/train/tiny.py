"""A classifier small enough for tests, and batches that it can learn."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from stages.train.device import Compute
from stages.train.model import Classifier, make_head

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
