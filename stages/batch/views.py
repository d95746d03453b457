"""Where each output pixel looks: crop, flip, rotation, zoom and warp as one 3x3 matrix an image.

What is drawn, and every matrix, is made for a whole batch at once: this runs beside the model's
step, which waits for whatever keeps Python busy: 16 views take .16 ms, and took .77 as a loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from stages.base.params import Section

# Crops keep their width to height ratio between these, as RandomResizedCrop does everywhere.
RATIOS = (3 / 4, 4 / 3)
CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], dtype=np.float64)
DRAWS_PER_VIEW = 18  # numbers that decide one view


class AugmentParams(Section):
    """The section `augment` of params.yaml; ranges mean what they do in fastai's aug_transforms."""

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


class RandomDraws:
    """The generators of B images, asked as one: every answer is (B,), each from its own."""

    def __init__(self, rngs: Sequence[np.random.Generator]) -> None:
        """Take as many numbers from each generator as a view needs."""
        self._numbers = iter(np.stack([rng.random(DRAWS_PER_VIEW) for rng in rngs], axis=1))

    def uniform(self, low: float, high: float) -> np.ndarray:
        """Return numbers from low to high."""
        return low + (high - low) * next(self._numbers)

    def happens(self, probability: float) -> np.ndarray:
        """Return whether something happens that has this probability."""
        return next(self._numbers) < probability


def random_views(
    sizes: ArrayLike, params: AugmentParams, rngs: Sequence[np.random.Generator]
) -> Views:
    """Draw a view of each image, from its own generator; sizes (B, 2) are heights and widths."""
    chances = RandomDraws(rngs)
    return Views(reduce(np.matmul, operations(sizes, params, chances)), *_light(params, chances))


def centre_views(sizes: ArrayLike) -> Views:
    """Look at the largest centred square of each image, unchanged in light: the validation view."""
    height, width = np.asarray(sizes).T
    side = np.minimum(height, width)
    return Views(box(width / 2, height / 2, side, side), np.zeros(len(side)), np.ones(len(side)))


def operations(sizes: ArrayLike, params: AugmentParams, chances: RandomDraws) -> list[np.ndarray]:
    """Draw crops, warps, flips, rotations and zooms, (B, 3, 3) each; the identity where not drawn.

    The product of all is the view: an output position goes through the last of them first.
    """
    p, turn, shear = params.p_affine, params.max_rotate, params.max_warp
    crops = random_crop(sizes, params.min_scale, chances)
    flips = _where(chances.happens(0.5 * params.flip), mirror())
    turns = _where(chances.happens(p), rotation(chances.uniform(-turn, turn)))
    places = chances.uniform(0, 1), chances.uniform(0, 1)
    zooms = _where(chances.happens(p), zoom(chances.uniform(1, params.max_zoom), *places))
    warped = chances.uniform(-shear, shear), chances.uniform(-shear, shear)
    return [crops, _where(chances.happens(p), warp(*warped)), flips, turns, zooms]


def _where(happens: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    return np.where(happens[:, None, None], matrices, np.eye(3))


def _light(params: AugmentParams, chances: RandomDraws) -> tuple[np.ndarray, np.ndarray]:
    p, strength = params.p_lighting, params.max_lighting
    levels = chances.uniform(0.5 - strength / 2, 0.5 + strength / 2)
    levels = np.where(chances.happens(p), levels, 0.5)
    limit = -np.log1p(-strength)
    contrasts = np.where(chances.happens(p), chances.uniform(-limit, limit), 0)
    return np.log(levels / (1 - levels)), np.exp(contrasts)


def random_crop(sizes: ArrayLike, min_scale: float, chances: RandomDraws) -> np.ndarray:
    """Draw a box inside each image: a ratio, then a share of the largest box with that ratio.

    RandomResizedCrop draws a share of the whole image and tries again when the box sticks out;
    a share of what fits needs no second try and means the same for every shape of image.
    """
    height, width = np.asarray(sizes).T
    ratio = np.exp(chances.uniform(*np.log(RATIOS)))
    side = np.sqrt(chances.uniform(min_scale, 1))
    box_width = np.minimum(width, height * ratio) * side
    box_height = np.minimum(height, width / ratio) * side
    left, top = chances.uniform(0, 1), chances.uniform(0, 1)
    x = box_width / 2 + (width - box_width) * left
    y = box_height / 2 + (height - box_height) * top
    return box(x, y, box_width, box_height)


def box(x: ArrayLike, y: ArrayLike, width: ArrayLike, height: ArrayLike) -> np.ndarray:
    """Return the matrix from [-1, 1] squared to the box around (x, y)."""
    return _matrix(
        {(0, 0): np.divide(width, 2), (0, 2): x, (1, 1): np.divide(height, 2), (1, 2): y}
    )


def mirror() -> np.ndarray:
    """Return the matrix that swaps left and right."""
    return np.diag([-1.0, 1.0, 1.0])


def rotation(degrees: ArrayLike) -> np.ndarray:
    """Return the matrix that turns about the centre."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    return _matrix({(0, 0): c, (0, 1): -s, (1, 0): s, (1, 1): c})


def zoom(factor: ArrayLike, x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Return the matrix that looks at 1/factor of the square; x and y in 0..1 say where."""
    s = np.divide(1, factor)
    along, down = (1 - s) * (np.multiply(2, x) - 1), (1 - s) * (np.multiply(2, y) - 1)
    return _matrix({(0, 0): s, (0, 2): along, (1, 1): s, (1, 2): down})


def warp(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Return the perspective that lengthens one side and shortens its opposite (fastai's Warp).

    x acts on the left and right sides, y on the top and bottom ones; 0.2 means 20 %.
    """
    x, y = (each[..., None] for each in np.broadcast_arrays(x, y))
    signs = CORNERS[:, 0] * CORNERS[:, 1]
    moved = np.stack([CORNERS[:, 0] - y * signs, CORNERS[:, 1] - x * signs], axis=-1)
    return homography(CORNERS, moved)


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the 3x3 projective matrix that takes four points (4, 2) to four others (..., 4, 2)."""
    ones, count = np.ones((4, 1)), target.shape[:-2]
    points = np.broadcast_to(np.concatenate([source, ones], axis=1), (*count, 4, 3))
    system = np.zeros((*count, 4, 2, 8))
    system[..., 0, :3] = system[..., 1, 3:6] = points
    system[..., 6:] = -target[..., None] * source[:, None]
    solved = np.linalg.solve(system.reshape(*count, 8, 8), target.reshape(*count, 8, 1))[..., 0]
    return np.concatenate([solved, np.ones((*count, 1))], axis=-1).reshape(*count, 3, 3)


def _matrix(entries: dict[tuple[int, int], ArrayLike]) -> np.ndarray:
    """Return the identity (..., 3, 3) with other entries, numbers or (...) each."""
    shape = np.broadcast_shapes(*map(np.shape, entries.values()))
    matrix = np.zeros((*shape, 3, 3))
    matrix[..., [0, 1, 2], [0, 1, 2]] = 1
    for (row, column), values in entries.items():
        matrix[..., row, column] = values
    return matrix
