"""Where each output pixel looks: crop, flip, rotation, zoom and warp as one 3x3 matrix an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from pydantic import Field

from stages.base.params import Section

# Crops keep their width to height ratio between these, as RandomResizedCrop does everywhere.
RATIOS = (3 / 4, 4 / 3)
CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], dtype=np.float64)


class AugmentParams(Section):
    """The section `augment` of params.yaml; ranges and defaults are fastai's aug_transforms."""

    size: int = Field(ge=16, le=1024)
    min_scale: float = Field(gt=0, le=1)
    max_rotate: float = Field(ge=0, le=180)
    max_zoom: float = Field(ge=1, le=4)
    max_warp: float = Field(ge=0, le=0.5)
    max_lighting: float = Field(ge=0, lt=1)
    p_affine: float = Field(ge=0, le=1)
    p_lighting: float = Field(ge=0, le=1)
    flip: bool


@dataclass(frozen=True)
class Views:
    """What is drawn for a batch of B images.

    A matrix takes an output position in [-1, 1] x [-1, 1] (x right, y down) to source pixels,
    where pixel i covers i to i + 1.
    """

    matrices: np.ndarray  # (B, 3, 3) float64
    brightness: np.ndarray  # (B,) added to the logit of a pixel
    contrast: np.ndarray  # (B,) multiplies the logit of a pixel


def random_views(
    sizes: Sequence[tuple[int, int]], params: AugmentParams, rngs: Sequence[np.random.Generator]
) -> Views:
    """Draw a view of each image, from its own generator; sizes are (height, width)."""
    drawn = [_draw(size, params, rng) for size, rng in zip(sizes, rngs, strict=True)]
    matrices, brightness, contrast = zip(*drawn, strict=True)
    return Views(np.stack(matrices), np.array(brightness), np.array(contrast))


def centre_views(sizes: Sequence[tuple[int, int]]) -> Views:
    """Look at the largest centred square of each image, unchanged in light: the validation view."""
    boxes = [box(w / 2, h / 2, min(w, h), min(w, h)) for h, w in sizes]
    return Views(np.stack(boxes), np.zeros(len(boxes)), np.ones(len(boxes)))


def _draw(
    size: tuple[int, int], params: AugmentParams, rng: np.random.Generator
) -> tuple[np.ndarray, float, float]:
    matrix = reduce(np.matmul, operations(size, params, rng))
    return matrix, *_light(params, rng)


def operations(
    size: tuple[int, int], params: AugmentParams, rng: np.random.Generator
) -> list[np.ndarray]:
    """Draw the crop, then warp, flip, rotation and zoom as far as chance has them.

    The product of all is the view: an output position goes through the last of them first.
    """
    crop = random_crop(size, params.min_scale, rng)
    affine = [mirror()] if params.flip and rng.random() < 0.5 else []
    if rng.random() < params.p_affine:
        affine.append(rotation(rng.uniform(-params.max_rotate, params.max_rotate)))
    if rng.random() < params.p_affine:
        affine.append(zoom(rng.uniform(1, params.max_zoom), *rng.random(2)))
    if rng.random() < params.p_affine:
        affine.insert(0, warp(*rng.uniform(-params.max_warp, params.max_warp, 2)))
    return [crop, *affine]


def _light(params: AugmentParams, rng: np.random.Generator) -> tuple[float, float]:
    strength, brightness, contrast = params.max_lighting, 0.0, 1.0
    if rng.random() < params.p_lighting:
        level = rng.uniform(0.5 - strength / 2, 0.5 + strength / 2)
        brightness = float(np.log(level / (1 - level)))
    if rng.random() < params.p_lighting:
        limit = -np.log1p(-strength)
        contrast = float(np.exp(rng.uniform(-limit, limit)))
    return brightness, contrast


def random_crop(size: tuple[int, int], min_scale: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a box inside the image: a ratio, then a share of the largest box with that ratio.

    RandomResizedCrop draws a share of the whole image and tries again when the box sticks out;
    a share of what fits needs no second try and means the same for every shape of image.
    """
    height, width = size
    ratio = np.exp(rng.uniform(*np.log(RATIOS)))
    side = np.sqrt(rng.uniform(min_scale, 1))
    box_width = min(width, height * ratio) * side
    box_height = min(height, width / ratio) * side
    x = rng.uniform(box_width / 2, width - box_width / 2)
    y = rng.uniform(box_height / 2, height - box_height / 2)
    return box(x, y, box_width, box_height)


def box(x: float, y: float, width: float, height: float) -> np.ndarray:
    """Return the matrix from [-1, 1] squared to the box around (x, y)."""
    return np.array([[width / 2, 0, x], [0, height / 2, y], [0, 0, 1.0]])


def mirror() -> np.ndarray:
    """Return the matrix that swaps left and right."""
    return np.diag([-1.0, 1.0, 1.0])


def rotation(degrees: float) -> np.ndarray:
    """Return the matrix that turns about the centre."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def zoom(factor: float, x: float, y: float) -> np.ndarray:
    """Return the matrix that looks at 1/factor of the square; x and y in 0..1 say where."""
    s = 1 / factor
    return np.array([[s, 0, (1 - s) * (2 * x - 1)], [0, s, (1 - s) * (2 * y - 1)], [0, 0, 1.0]])


def warp(x: float, y: float) -> np.ndarray:
    """Return the perspective that lengthens one side and shortens its opposite (fastai's Warp).

    x acts on the left and right sides, y on the top and bottom ones; 0.2 means 20 %.
    """
    moved = np.array([[-1 - y, -1 - x], [-1 + y, 1 + x], [1 + y, -1 + x], [1 - y, 1 - x]])
    return homography(CORNERS, moved)


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the 3x3 projective matrix that takes four points to four others, both (4, 2)."""
    x, y = source.T
    u, v = target.T
    o, i = np.zeros(4), np.ones(4)
    rows_u = np.stack([x, y, i, o, o, o, -u * x, -u * y], axis=1)
    rows_v = np.stack([o, o, o, x, y, i, -v * x, -v * y], axis=1)
    solved = np.linalg.solve(np.concatenate([rows_u, rows_v]), np.concatenate([u, v]))
    return np.append(solved, 1.0).reshape(3, 3)
