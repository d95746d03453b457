"""Crops: the views of each photo whose answers are averaged (test-time augmentation)."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from stages.batch.lighting import no_lighting
from stages.batch.views import Views, box, centre_views, mirror

CropsName = Literal["none", "flip", "ten"]
CROPS: Mapping[CropsName, int] = {"none": 1, "flip": 2, "ten": 10}  # of each photo
# Side of each of the five crops, as a share of the photo's shorter side: 224 of 256 pixels, as in
# AlexNet.
_SHARE = 0.875


def crop_views(sizes: np.ndarray, crops: CropsName) -> Views:
    """Return the views of B photos, those of one photo beside each other; sizes: (B, 2) as (H, W).

    none: the centre alone, as in validation. flip: the centre, and mirrored. ten: a smaller square
    in each corner and in the centre, each of them mirrored too.
    """
    centre = centre_views(sizes).matrices
    matrices = centre[:, None]
    if crops == "ten":
        matrices = _five_crops(sizes)
    if crops != "none":
        matrices = np.concatenate([matrices, matrices @ mirror()], axis=1)
    flat = matrices.reshape(-1, 3, 3)
    return Views(matrices=flat, lighting=no_lighting(len(flat)))


def _five_crops(sizes: np.ndarray) -> np.ndarray:
    """Return the crops at the corners and in the centre: (B, 5, 3, 3)."""
    height, width = np.asarray(sizes, float).T
    side = _SHARE * np.minimum(height, width)
    half = side / 2
    middle = box(width / 2, height / 2, side, side)
    corners = [box(x, y, side, side) for x in (half, width - half) for y in (half, height - half)]
    return np.stack([middle, *corners], axis=1)
