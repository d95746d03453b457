"""On a processor each output pixel is made in one go: position, reflection, light, normalisation.

The same as augment.render, which works on a batch array by array, as a GPU likes it. A processor
would carry every array through memory: 24 photographs of 613 x 460 to 224 took 36 ms on two cores
that way, and take 10 ms here. Compiled once by numba, and kept beside the source.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numba import float32, njit, uint32
from numpy.typing import NDArray
from torch import Tensor

from stages.batch.render_gpu import DARKEST, shrink_factors
from stages.batch.views import Views, centre_views

Pixels = NDArray[np.uint8]
Sums = NDArray[np.uint32]
Floats = NDArray[np.float32]
# Between two grey levels light is a straight line in so many pieces; for the strongest light of
# params.yaml's defaults that is within a tenth of a level.
PIECES = 16
# What the shares of four cells add up to: so fine that a view is within 1.5e-4 of a level.
WHOLE = 1 << 23


class PreparedViews(NamedTuple):
    """All that decides how images are seen: matrices (B, 3, 3), whole factors, lit levels."""

    matrices: NDArray[np.float64]
    factors: NDArray[np.int64]
    light: Sequence[Floats]


def render_images(
    images: Sequence[Pixels],
    prepared: PreparedViews,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    pool: Executor,
    threads: int,
) -> Tensor:
    """Turn photographs, each (H, W, 3) uint8 and contiguous, into what the model sees.

    Returns (B, 3, size, size) float32, normalised, channels last; made by this thread and, when
    there are to be more, by the pool's.
    """
    load_compiled_code()
    matrices, factors, light = prepared
    out = np.empty((len(images), size, size, 3), np.float32)
    scale = (1 / np.array(std)).astype(np.float32)
    shift = (-np.array(mean) / np.array(std)).astype(np.float32)

    def share(first: int) -> None:
        for i in range(first, len(images), threads):
            render_view(images[i], matrices[i], factors[i], light[i], scale, shift, out[i])

    others = pool.map(share, range(1, threads))
    share(0)  # by the caller, who would only wait
    list(others)
    return torch.from_numpy(out).permute(0, 3, 1, 2)


def prepare_views(views: Views, size: int) -> PreparedViews:
    """Return what the views need, made beside the model's step, so that nobody waits for it."""
    pairs = zip(views.brightness.tolist(), views.contrast.tolist(), strict=True)
    light = [lit_levels(brightness, contrast) for brightness, contrast in pairs]
    return PreparedViews(views.matrices, shrink_factors(views.matrices, size), light)


def lit_levels(brightness: float, contrast: float, darkest: float = DARKEST) -> Floats:
    """Return what light makes of levels 0, 1/PIECES, ... 255, in 0..1; the last stands twice.

    Made by numpy, which has a vector form of tanh: 12 us where a loop of numba's took 65.
    """
    levels, logits = _levels(darkest)
    if brightness == 0 and contrast == 1:
        return levels
    return 0.5 + 0.5 * np.tanh((logits + brightness) * (contrast / 2))


@cache
def _levels(darkest: float) -> tuple[Floats, Floats]:
    """Return the levels in 0..1, and their logits where neither end is nearer than `darkest`."""
    levels = np.append(np.arange(255 * PIECES + 1) / (255 * PIECES), 1.0)
    within = levels.clip(darkest, 1 - darkest)
    logits = np.log(within / (1 - within))
    return levels.astype(np.float32), logits.astype(np.float32)


@cache
def load_compiled_code() -> None:
    """Load the compiled code or compile it; once a process, before threads ask for it.

    What a power cut left of its files raises whatever a cut pickle does, and is made anew.
    """
    try:
        _look_at_nothing()
    except Exception:
        for file in Path(str(render_view.stats.cache_path)).glob(f"{Path(__file__).stem}.*.nb[ci]"):
            file.unlink(missing_ok=True)
        _look_at_nothing()


def _look_at_nothing() -> None:
    view, none = centre_views([(1, 1)]), np.ones(3, np.float32)
    light = lit_levels(0.0, 1.0)
    pixels, out = np.zeros((1, 1, 3), np.uint8), np.empty((1, 1, 3), np.float32)
    render_view(pixels, view.matrices[0], 1, light, none, none, out)


@njit(nogil=True, cache=True, error_model="numpy")
def render_view(
    image: Pixels,
    matrix: NDArray[np.float64],
    factor: int,
    light: Floats,
    scale: Floats,
    shift: Floats,
    out: Floats,
) -> None:
    """Fill out (S, S, 3) with one view of an image, shrunk by a whole factor first.

    image: (H, W, 3), contiguous; light: what lit_levels returns; scale and shift: of each
    channel, from light to the output.
    """
    if factor == 1:
        _sample(image, matrix, float32(PIECES / WHOLE), light, scale, shift, out)
    else:
        # The positions of the view, counted in cells.
        cell = np.diag(np.array([1 / factor, 1 / factor, 1.0]))
        piece = float32(PIECES / WHOLE / factor**2)
        _sample(box_sums(image, factor), cell @ matrix, piece, light, scale, shift, out)


@njit(nogil=True, cache=True, error_model="numpy")
def box_sums(image: Pixels, factor: int) -> Sums:
    """Return the sum of every cell of factor by factor pixels that fits: (H', W', 3) uint32."""
    height, width, _ = image.shape
    cells = np.empty((height // factor, width // factor, 3), np.uint32)
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            red = green = blue = 0
            for i in range(row * factor, (row + 1) * factor):
                for j in range(column * factor, (column + 1) * factor):
                    red += image[i, j, 0]
                    green += image[i, j, 1]
                    blue += image[i, j, 2]
            cells[row, column, 0], cells[row, column, 1], cells[row, column, 2] = red, green, blue
    return cells


@njit(nogil=True, cache=True, error_model="numpy")
def _sample(
    cells: Pixels | Sums,
    matrix: NDArray[np.float64],
    piece: np.float32,
    light: Floats,
    scale: Floats,
    shift: Floats,
    out: Floats,
) -> None:
    """Read cells once through the matrix, bilinear, and light and normalise what was read.

    Row by row, and a row in three loops, of which the first has no branch and becomes vector
    instructions; the second adds up whole numbers, so that one sum is converted instead of four
    cells. An image of 224 x 224 takes .73 ms, and took 1.02 where one loop did all with floats.
    Unsigned indices spare the compiler the question whether they count from the end.
    piece: by which a sum counts pieces of a grey level.
    """
    height, width, _ = cells.shape
    flat, size = cells.reshape(-1), len(out)
    aside, below = uint32(3 * (width > 1)), uint32(3 * width * (height > 1))
    corners, shares = np.empty(size, np.int32), np.empty((4, size), np.int32)
    for row in range(size):
        _places(matrix, (2 * row + 1) / size - 1, width, height, corners, shares)
        for column in range(size):
            first, beside = shares[0, column], shares[1, column]
            under, across = shares[2, column], shares[3, column]
            for channel in range(3):
                cell = uint32(corners[column]) + uint32(channel)
                total = flat[cell] * first + flat[cell + aside] * beside
                total += flat[cell + below] * under + flat[cell + below + aside] * across
                out[row, column, channel] = float32(total) * piece
        _light(out[row], light, scale, shift)


@njit(nogil=True, cache=True, error_model="numpy")
def _places(
    matrix: NDArray[np.float64],
    down: float,
    width: int,
    height: int,
    corners: NDArray[np.int32],
    shares: NDArray[np.int32],
) -> None:
    """Fill in where a row looks: of each place the first of its four cells, and their shares.

    corners (S,) count the values of the flat image. shares (4, S), of WHOLE: of that cell, of the
    one beside it, of the one below, of the last. Places are mirrored at the edges; further out than
    one image, where few views look, they stay at the edge.
    """
    size, one, whole = len(corners), float32(1), float32(WHOLE)
    last_left, last_top = np.int32(max(width - 2, 0)), np.int32(max(height - 2, 0))
    for column in range(size):
        along = (2 * column + 1) / size - 1
        depth = matrix[2, 0] * along + matrix[2, 1] * down + matrix[2, 2]
        x = (matrix[0, 0] * along + matrix[0, 1] * down + matrix[0, 2]) / depth
        y = (matrix[1, 0] * along + matrix[1, 1] * down + matrix[1, 2]) / depth
        x = min(max(width - abs(abs(x) - width), 0.5), width - 0.5) - 0.5
        y = min(max(height - abs(abs(y) - height), 0.5), height - 0.5) - 0.5
        left, top = min(np.int32(x), last_left), min(np.int32(y), last_top)
        corners[column] = 3 * (top * width + left)
        a, b = float32(x - left), float32(y - top)
        beside, under = np.int32(whole * a * (one - b)), np.int32(whole * (one - a) * b)
        across = np.int32(whole * a * b)
        shares[0, column] = np.int32(WHOLE) - beside - under - across
        shares[1, column], shares[2, column], shares[3, column] = beside, under, across


@njit(nogil=True, cache=True, error_model="numpy")
def _light(levels: Floats, light: Floats, scale: Floats, shift: Floats) -> None:
    """Turn a row of levels, counted in pieces, into light, normalised."""
    for column in range(len(levels)):
        for channel in range(3):
            level = levels[column, channel]
            step = uint32(level)
            lit = light[step]
            lit += (light[step + uint32(1)] - lit) * (level - float32(step))
            levels[column, channel] = lit * scale[channel] + shift[channel]
