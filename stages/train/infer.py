"""Inference: one pass over images without learning."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.batch.batches import Batch
from stages.model.classifier import Classifier, ConcatPool
from stages.model.model_params import LossName
from stages.train.device import Compute
from stages.train.late_fetch import LateFetch, fetch_later
from stages.train.losses import loss_per_image, to_pred_probs

# Batches that a GPU may be behind: enough that it never waits, few enough for its memory.
_UNDER_WAY = 2


@dataclass(frozen=True)
class Inference:
    """Probabilities (N, C) float32 and the mean loss over all images."""

    pred_probs: np.ndarray
    loss: float

    def error_rate(self, targets: np.ndarray) -> float:
        """Return the share of images whose most probable class is not the target; NaN of none."""
        if not len(targets):
            return float("nan")
        return float(np.mean(self.pred_probs.argmax(axis=1) != targets))


NO_INFERENCE = Inference(np.zeros((0, 0), np.float32), float("nan"))  # where no image validates


def predict_batches(
    model: Classifier, batches: Iterable[Batch], compute: Compute, loss: LossName
) -> Inference:
    """Return the probabilities of every image, in the order of the batches."""

    def predict(batch: Batch) -> Tensor:
        with compute.autocast():
            activations = model(batch.images)
        losses = loss_per_image(activations, batch.targets, loss)
        return torch.cat([to_pred_probs(activations, loss), losses[:, None]], dim=1)

    model.eval()
    answers = torch.cat([*_computed(predict, batches)])
    pred_probs = answers[:, :-1].contiguous().numpy()
    return Inference(pred_probs, float(answers[:, -1].contiguous().mean()))


def pooled_features(
    model: Classifier, batches: Iterable[Batch], compute: Compute
) -> Iterator[np.ndarray]:
    """Yield the backbone's features of each batch after concat pooling: (B, 2F) float32."""
    pool = ConcatPool()

    def pooled(batch: Batch) -> Tensor:
        with compute.autocast():
            features = model.features(batch.images)
        values: Tensor = pool(features.float())
        return values

    model.eval()
    return (features.numpy() for features in _computed(pooled, batches))


@torch.inference_mode()
def _computed(compute: Callable[[Batch], Tensor], batches: Iterable[Batch]) -> Iterator[Tensor]:
    """Yield what is computed of each batch, on the processor, while a GPU is at the next ones."""
    under_way: deque[LateFetch] = deque()
    for batch in batches:
        under_way.append(fetch_later(compute(batch)))
        if len(under_way) > _UNDER_WAY:
            yield under_way.popleft().result()
    for fetch in under_way:
        yield fetch.result()
