"""Augmentation: crop, flip, rotation, zoom and warp as one 3x3 projective matrix for each image.

The random numbers and the matrices of a whole batch are computed at once, since this runs beside
the model's step, which waits for whatever keeps Python busy: 16 views take .16 ms, and took .77 as
a loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from stages.base.param_docs import OF_RECIPE
from stages.base.params import Section
from stages.batch.lighting import Lighting, no_lighting
from stages.batch.random_draws import RandomDraws, draw_numbers

# The corners (x, y) of the output square, on which every view is defined.
CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], dtype=np.float64)
# Width / height of a crop lies between these, as in RandomResizedCrop of every library.
_CROP_RATIOS = (3 / 4, 4 / 3)


class AugmentParams(Section):
    """The section `augment` of params.yaml; ranges mean what they do in fastai's aug_transforms."""

    size: int = Field(
        ge=16,
        le=1024,
        description="square side that the model sees, in pixels",
        json_schema_extra=OF_RECIPE,
    )
    min_scale: float = Field(
        gt=0, le=1, description="smallest share, by area, of the largest crop that fits"
    )
    max_rotate: float = Field(ge=0, le=180, description="largest rotation either way, in degrees")
    max_zoom: float = Field(ge=1, le=4, description="largest zoom factor")
    max_warp: float = Field(ge=0, le=0.5, description="strength of the perspective warp")
    max_lighting: float = Field(
        ge=0, lt=1, description="strength of the changes of brightness and contrast"
    )
    max_darkening: float = Field(
        ge=0,
        lt=1,
        description="largest share of the light that an image loses, as by too short an exposure",
        json_schema_extra=OF_RECIPE,
    )
    p_affine: float = Field(
        ge=0, le=1, description="probability of each of rotation, zoom and warp"
    )
    p_lighting: float = Field(
        ge=0, le=1, description="probability of each of brightness, contrast and darkening"
    )
    flip: bool = Field(
        description="mirror half of the images; not for digits, since a mirrored 2 is none",
        json_schema_extra=OF_RECIPE,
    )


@dataclass(frozen=True, kw_only=True)
class Views:
    """The transforms of a batch of B images: geometry and lighting.

    A matrix takes an output position in [-1, 1] x [-1, 1] (x right, y down) to source pixels,
    where pixel i covers i to i + 1.
    """

    matrices: np.ndarray  # (B, 3, 3) float64
    lighting: Lighting

    def subset(self, rows: np.ndarray | slice) -> "Views":
        """Return the views of some of the images."""
        return Views(matrices=self.matrices[rows], lighting=self.lighting.subset(rows))


def random_views(
    sizes: ArrayLike, augment: AugmentParams, generators: Sequence[np.random.Generator]
) -> Views:
    """Draw the random view of each image from its generator; sizes (B, 2): heights and widths."""
    return drawn_views(sizes, augment, draw_numbers(generators))


def drawn_views(sizes: ArrayLike, augment: AugmentParams, numbers: np.ndarray) -> Views:
    """Return the random views that numbers (DRAWS_PER_VIEW, B) in 0..1 decide."""
    draws = RandomDraws(numbers)
    matrices = reduce(np.matmul, random_operations(sizes, augment, draws))
    return Views(matrices=matrices, lighting=_random_lighting(augment, draws))


def centre_views(sizes: ArrayLike) -> Views:
    """Return the validation view: the largest centred square of each image, lighting unchanged."""
    height, width = np.asarray(sizes).T
    side = np.minimum(height, width)
    return Views(matrices=box(width / 2, height / 2, side, side), lighting=no_lighting(len(side)))


def random_operations(
    sizes: ArrayLike, augment: AugmentParams, draws: RandomDraws
) -> list[np.ndarray]:
    """Draw crops, warps, flips, rotations and zooms: (B, 3, 3) each.

    An operation that is not drawn for an image is the identity. The product of all is the view: an
    output position goes through the last of them first.
    """
    probability = augment.p_affine
    crops = random_crop(sizes, augment.min_scale, draws)
    flips = _identity_unless(draws.happens(0.5 * augment.flip), mirror())
    rotated = draws.happens(probability)
    degrees = draws.uniform(-augment.max_rotate, augment.max_rotate)
    zoom_x = draws.uniform(0, 1)
    zoom_y = draws.uniform(0, 1)
    zoomed = draws.happens(probability)
    factor = draws.uniform(1, augment.max_zoom)
    warp_x = draws.uniform(-augment.max_warp, augment.max_warp)
    warp_y = draws.uniform(-augment.max_warp, augment.max_warp)
    warped = draws.happens(probability)
    return [
        crops,
        _identity_unless(warped, warp(warp_x, warp_y)),
        flips,
        _identity_unless(rotated, rotation(degrees)),
        _identity_unless(zoomed, zoom(factor, zoom_x, zoom_y)),
    ]


def _identity_unless(drawn: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return the matrices (B, 3, 3) where drawn (B,), elsewhere the identity."""
    return np.where(drawn[:, None, None], matrices, np.eye(3))


def _random_lighting(augment: AugmentParams, draws: RandomDraws) -> Lighting:
    """Draw brightness and contrast, as fastai's Brightness and Contrast do, and a gain.

    The logarithm of the gain is uniform, since exposures are counted in stops, which are factors.
    """
    strength = augment.max_lighting
    grey = draws.uniform(0.5 - strength / 2, 0.5 + strength / 2)  # what middle grey becomes
    grey = np.where(draws.happens(augment.p_lighting), grey, 0.5)
    limit = -np.log1p(-strength)
    changed = draws.happens(augment.p_lighting)
    log_contrast = np.where(changed, draws.uniform(-limit, limit), 0)
    darkened = draws.happens(augment.p_lighting)
    log_gain = np.where(darkened, draws.uniform(np.log1p(-augment.max_darkening), 0), 0)
    return Lighting(
        gain=np.exp(log_gain),
        brightness=np.log(grey / (1 - grey)),
        contrast=np.exp(log_contrast),
    )


def random_crop(sizes: ArrayLike, min_scale: float, draws: RandomDraws) -> np.ndarray:
    """Draw a crop box inside each image: a ratio, then a share of the largest box of that ratio.

    RandomResizedCrop draws a share of the whole image and tries again when the box sticks out;
    a share of what fits needs no second try and means the same for every shape of image.
    """
    height, width = np.asarray(sizes).T
    ratio = np.exp(draws.uniform(*np.log(_CROP_RATIOS)))
    side = np.sqrt(draws.uniform(min_scale, 1))
    box_width = np.minimum(width, height * ratio) * side
    box_height = np.minimum(height, width / ratio) * side
    left = draws.uniform(0, 1)
    top = draws.uniform(0, 1)
    x = box_width / 2 + (width - box_width) * left
    y = box_height / 2 + (height - box_height) * top
    return box(x, y, box_width, box_height)


def box(x: ArrayLike, y: ArrayLike, width: ArrayLike, height: ArrayLike) -> np.ndarray:
    """Return the crop: the matrix from [-1, 1] x [-1, 1] to the box around (x, y)."""
    return _matrix(
        {(0, 0): np.divide(width, 2), (0, 2): x, (1, 1): np.divide(height, 2), (1, 2): y}
    )


def mirror() -> np.ndarray:
    """Return the horizontal flip."""
    return np.diag([-1.0, 1.0, 1.0])


def rotation(degrees: ArrayLike) -> np.ndarray:
    """Return the rotation about the centre; a positive angle takes right to down."""
    angle = np.deg2rad(degrees)
    cosine = np.cos(angle)
    sine = np.sin(angle)
    return _matrix({(0, 0): cosine, (0, 1): -sine, (1, 0): sine, (1, 1): cosine})


def zoom(factor: ArrayLike, x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Return the zoom to 1/factor of the square's side, centred where x and y in 0..1 say."""
    scale = np.divide(1, factor)
    shift_x = (1 - scale) * (np.multiply(2, x) - 1)
    shift_y = (1 - scale) * (np.multiply(2, y) - 1)
    return _matrix({(0, 0): scale, (0, 2): shift_x, (1, 1): scale, (1, 2): shift_y})


def warp(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Return the perspective warp: one side lengthened, its opposite shortened (fastai's Warp).

    x acts on the left and right sides, y on the top and bottom ones; 0.2 means 20 %.
    """
    x, y = np.broadcast_arrays(x, y)
    signs = CORNERS[:, 0] * CORNERS[:, 1]
    moved_x = CORNERS[:, 0] - y[..., None] * signs
    moved_y = CORNERS[:, 1] - x[..., None] * signs
    return homography(CORNERS, np.stack([moved_x, moved_y], axis=-1))


def homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the homography (..., 3, 3) that takes four points (4, 2) to four others (..., 4, 2).

    Direct linear transform: eight equations for the entries, of which the last is set to one.
    """
    batch_shape = target.shape[:-2]
    points = np.broadcast_to(
        np.concatenate([source, np.ones((4, 1))], axis=1), (*batch_shape, 4, 3)
    )
    system = np.zeros((*batch_shape, 4, 2, 8))
    system[..., 0, :3] = points
    system[..., 1, 3:6] = points
    system[..., 6:] = -target[..., None] * source[:, None]
    entries = np.linalg.solve(
        system.reshape(*batch_shape, 8, 8), target.reshape(*batch_shape, 8, 1)
    )[..., 0]
    ones = np.ones((*batch_shape, 1))
    return np.concatenate([entries, ones], axis=-1).reshape(*batch_shape, 3, 3)


def _matrix(entries: dict[tuple[int, int], ArrayLike]) -> np.ndarray:
    """Return the identity (..., 3, 3) with these entries, each a number or an array (...)."""
    shape = np.broadcast_shapes(*map(np.shape, entries.values()))
    matrix = np.zeros((*shape, 3, 3))
    matrix[..., [0, 1, 2], [0, 1, 2]] = 1
    for (row, column), values in entries.items():
        matrix[..., row, column] = values
    return matrix
