"""Inference: one pass over images without learning."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.batch.batches import Batch
from stages.model.classifier import Classifier, LossName
from stages.train.device import Compute
from stages.train.losses import loss_per_image, to_pred_probs


@dataclass(frozen=True)
class Inference:
    """Probabilities (N, C) float32 and the mean loss over all images."""

    pred_probs: np.ndarray
    loss: float


def predict_batches(
    model: Classifier, batches: Iterable[Batch], compute: Compute, loss: LossName
) -> Inference:
    """Return the probabilities of every image, in the order of the batches."""
    model.eval()
    pred_probs: list[Tensor] = []
    losses: list[Tensor] = []
    with torch.inference_mode():
        for batch in batches:
            with compute.autocast():
                activations = model(batch.images)
            pred_probs.append(to_pred_probs(activations, loss).cpu())
            losses.append(loss_per_image(activations, batch.targets, loss).cpu())
    return Inference(torch.cat(pred_probs).numpy(), float(torch.cat(losses).mean()))


def pooled_features(model: Classifier, batches: Iterable[Batch], compute: Compute) -> np.ndarray:
    """Return the mean over height and width of the backbone's features: (N, F) float32."""
    model.eval()
    pooled: list[Tensor] = []
    with torch.inference_mode():
        for batch in batches:
            with compute.autocast():
                features = model.features(batch.images)
            pooled.append(features.float().mean((2, 3)).cpu())
    return torch.cat(pooled).numpy()
