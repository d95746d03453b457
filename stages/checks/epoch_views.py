"""Epoch views: one image as validation sees it, and as each epoch of training does."""

import numpy as np
import torch
from torch import Tensor

from stages.base.seed import derive
from stages.batch.render_gpu import apply_lighting, resample
from stages.batch.views import AugmentParams, centre_views, random_views


def views_over_epochs(
    path: str, photo: np.ndarray, augment: AugmentParams, seed: int, epochs: int
) -> np.ndarray:
    """Return the validation view of an image (H, W, 3), then its view in each epoch from 1 on.

    Gives (1 + epochs, S, S, 3) uint8.
    """
    sizes = [photo.shape[:2]] * (1 + epochs)
    generators = [derive(seed, "view", epoch, path) for epoch in range(1, 1 + epochs)]
    valid = centre_views(sizes[:1])
    train = random_views(sizes[1:], augment, generators)
    matrices = np.concatenate([valid.matrices, train.matrices])
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1).expand(len(sizes), -1, -1, -1)
    x = resample(pixels, np.array(sizes), matrices, augment.size)
    apply_lighting(x[1:], train.lighting)
    return to_uint8(x)


def to_uint8(x: Tensor) -> np.ndarray:
    """Return images (B, 3, S, S) in 0..1 as pictures to be saved, (B, S, S, 3) uint8."""
    return (x.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
