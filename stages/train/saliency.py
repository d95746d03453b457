"""Where the model looked: what each place of the last features gave to the predicted class."""

from collections.abc import Iterable
from math import isqrt

import numpy as np
import torch
from torch import Tensor

from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.infer import Batch

# Images of each kind, which is what the page shows by default and as many again.
COSTLY = SURE = 48


def images_to_explain(pred_probs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the rows of the highest losses and of the most confident mistakes, sorted."""
    rows = np.arange(len(targets))
    by_loss = np.argsort(pred_probs[rows, targets], kind="stable")[:COSTLY]
    wrong = np.flatnonzero(pred_probs.argmax(axis=1) != targets)
    by_confidence = np.argsort(-pred_probs[wrong].max(axis=1), kind="stable")[:SURE]
    return np.union1d(by_loss, wrong[by_confidence])


def saliency_maps(model: Classifier, batches: Iterable[Batch], compute: Compute) -> np.ndarray:
    """Return a map an image, (N, H, W) float32 from 0 to 1, or (0, 0, 0) without places to look at.

    The map is the gradient of the predicted class's score with respect to the body's features,
    times the features, summed over channels (HiResCAM, Draelos and Carin 2020, arXiv:2011.08891):
    Grad-CAM without averaging the gradient over places. With a linear head, and with weights alone,
    it adds up to the score, so it shows what the score is made of. Only what speaks for the class
    is kept, as a share of the strongest place.
    """
    model.eval()
    maps = []
    for batch in batches:
        with torch.no_grad(), compute.autocast():
            features = model.features(batch.images)
        places = as_grid(contributions(model, features.float()))
        if places is None:
            return np.zeros((0, 0, 0), np.float32)
        favour = places.clamp(min=0)
        strongest = favour.amax((1, 2), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        maps.append((favour / strongest).cpu())
    return torch.cat(maps).numpy() if maps else np.zeros((0, 0, 0), np.float32)


def contributions(model: Classifier, features: Tensor) -> Tensor:
    """Return what each place of the features (B, F, H, W) gives to the top score, (B, H, W)."""
    features = features.detach().requires_grad_()
    top = model.head(features).amax(dim=1).sum()
    [gradient] = torch.autograd.grad(top, features)
    return (gradient * features.detach()).sum(dim=1)


def as_grid(places: Tensor) -> Tensor | None:
    """Return maps (B, H, W) whose places lie as in the image, or None where they cannot be told.

    Tokens come as (B, N, 1): a square number of them is a grid. One place shows nothing.
    """
    count, height, width = places.shape
    if width == 1 and height > 1:
        side = isqrt(height)
        return places.reshape(count, side, side) if side * side == height else None
    return places if height * width > 1 else None
