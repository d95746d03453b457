"""Inference: one pass over images without learning."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.batch.batches import Batch
from stages.model.classifier import Classifier, ConcatPool, LossName
from stages.train.device import Compute
from stages.train.losses import loss_per_image, to_pred_probs


@dataclass(frozen=True)
class Inference:
    """Probabilities (N, C) float32 and the mean loss over all images."""

    pred_probs: np.ndarray
    loss: float

    def error_rate(self, targets: np.ndarray) -> float:
        """Return the share of the images whose most probable class is not the target."""
        return float(np.mean(self.pred_probs.argmax(axis=1) != targets))


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
    """Return the backbone's features after concat pooling: (N, 2F) float32."""
    model.eval()
    pool = ConcatPool()
    pooled: list[Tensor] = []
    with torch.inference_mode():
        for batch in batches:
            with compute.autocast():
                features = model.features(batch.images)
            pooled.append(pool(features.float()).cpu())
    return torch.cat(pooled).numpy()
