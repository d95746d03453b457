"""Class-activation saliency (HiResCAM): what each place of the image gave to the prediction."""

from collections.abc import Iterable
from math import isqrt

import numpy as np
import torch
from torch import Tensor

from stages.base.stored_array import Rows
from stages.batch.batches import Batch
from stages.model.classifier import Classifier
from stages.stats.probability_blocks import largest_probability, most_probable, probability_of
from stages.train.device import Compute

# The page shows half as many of each by default.
HIGHEST_LOSSES = 48
CONFIDENT_MISTAKES = 48


def images_to_explain(pred_probs: Rows, targets: np.ndarray) -> np.ndarray:
    """Return the rows of the highest losses and of the most confident mistakes, sorted."""
    by_loss = np.argsort(probability_of(targets, pred_probs), kind="stable")[:HIGHEST_LOSSES]
    mistakes = np.flatnonzero(most_probable(pred_probs) != targets)
    confidence = largest_probability(pred_probs)[mistakes]
    by_confidence = np.argsort(-confidence, kind="stable")
    return np.union1d(by_loss, mistakes[by_confidence[:CONFIDENT_MISTAKES]])


def saliency_maps(model: Classifier, batches: Iterable[Batch], compute: Compute) -> np.ndarray:
    """Return a HiResCAM map of every image, (N, H, W) float32 from 0 to 1.

    The map is the gradient of the predicted class's score with respect to the backbone's features,
    times the features, summed over channels (HiResCAM, Draelos and Carin 2020, arXiv:2011.08891):
    Grad-CAM without averaging the gradient over places. With a linear head, and with weights alone,
    it adds up to the score, so it shows what the score is made of. Negative contributions become 0,
    and the others are given as a share of the largest. Features without places, and no images, give
    (0, 0, 0).
    """
    model.eval()
    no_maps = np.zeros((0, 0, 0), np.float32)
    maps: list[Tensor] = []
    for batch in batches:
        with torch.no_grad(), compute.autocast():
            features = model.features(batch.images)
        grid = as_grid(contributions(model, features.float()))
        if grid is None:
            return no_maps
        positive = grid.clamp(min=0)
        largest = positive.amax((1, 2), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        maps.append((positive / largest).cpu())
    return torch.cat(maps).numpy() if maps else no_maps


def contributions(model: Classifier, features: Tensor) -> Tensor:
    """Return what each place of the features (B, F, H, W) gives to the top score, (B, H, W)."""
    features = features.detach().requires_grad_()
    top_scores = model.head(features).amax(dim=1).sum()
    [gradient] = torch.autograd.grad(top_scores, features)
    return (gradient * features.detach()).sum(dim=1)


def as_grid(places: Tensor) -> Tensor | None:
    """Return maps (B, H, W) whose places lie as in the image, or None where that is unknown.

    Tokens come as (B, N, 1): a square number of them is a grid. One place shows nothing.
    """
    images, height, width = places.shape
    if width == 1 and height > 1:
        side = isqrt(height)
        return places.reshape(images, side, side) if side * side == height else None
    return places if height * width > 1 else None
