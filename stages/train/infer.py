"""One pass over images without learning."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.losses import LossName, loss_per_image, to_pred_probs


class Batch(Protocol):
    """What training takes of a batch: images, their class numbers, and their row numbers."""

    @property
    def images(self) -> Tensor:
        """Images (B, 3, S, S) float32, normalised, on the device."""

    @property
    def targets(self) -> Tensor:
        """Class numbers (B,) int64, on the device."""

    @property
    def rows(self) -> np.ndarray:
        """Row numbers (B,) in the set."""


class Inference(NamedTuple):
    """Probabilities (N, C) float32 and the mean loss over all images."""

    pred_probs: np.ndarray
    loss: float


def predict_batches(
    model: Classifier, batches: Iterable[Batch], compute: Compute, loss: LossName
) -> Inference:
    """Return the probabilities of every image in the order of the batches."""
    model.eval()
    outputs: list[Tensor] = []
    losses: list[Tensor] = []
    with torch.inference_mode():
        for batch in batches:
            with compute.autocast():
                activations = model(batch.images)
            outputs.append(to_pred_probs(activations, loss).cpu())
            losses.append(loss_per_image(activations, batch.targets, loss).cpu())
    return Inference(torch.cat(outputs).numpy(), float(torch.cat(losses).mean()))


def pooled_features(model: Classifier, batches: Iterable[Batch], compute: Compute) -> np.ndarray:
    """Return the mean of each of the body's features over every image: (N, F) float32."""
    model.eval()
    with torch.inference_mode():
        rows = []
        for batch in batches:
            with compute.autocast():
                features = model.features(batch.images)
            rows.append(features.float().mean((2, 3)).cpu())
    return torch.cat(rows).numpy()
