"""On a processor each output pixel is made in one go: position, reflection, light, normalisation.

The same as augment.render, which works on a batch array by array, as a GPU likes it. A processor
would carry every array through memory: 24 photographs of 613 x 460 to 224 took 36 ms on two cores
that way, and take 11 ms here. Compiled once by numba, and kept beside the source.
"""

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numba import float32, njit, uint64
from numpy.typing import NDArray
from torch import Tensor

from stages.batch.augment import DARKEST, shrink_factors
from stages.batch.views import Views, centre_views

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
# Between two grey levels light is a straight line in so many pieces; for the strongest light of
# params.yaml's defaults that is within a tenth of a level.
PIECES = 16


def render_each(
    images: Sequence[Pixels],
    views: Views,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    pool: Executor,
    threads: int,
) -> Tensor:
    """Turn photographs, each (H, W, 3) uint8, into what the model sees.

    Returns (B, 3, size, size) float32, normalised, channels last; made by threads of the pool.
    """
    see_to_compiled()
    out = np.empty((len(images), size, size, 3), np.float32)
    factors = shrink_factors(views.matrices, size)
    centre, spread = np.array(mean, np.float32), np.array(std, np.float32)

    def share(first: int) -> None:
        for i in range(first, len(images), threads):
            light = lit_levels(views.brightness[i], views.contrast[i], DARKEST)
            look(images[i], views.matrices[i], factors[i], light, centre, spread, out[i])

    list(pool.map(share, range(threads)))
    return torch.from_numpy(out).permute(0, 3, 1, 2)


@cache
def see_to_compiled() -> None:
    """Load the compiled code or compile it; once a process, before threads ask for it.

    What a power cut left of its files raises whatever a cut pickle does, and is made anew.
    """
    try:
        _look_at_nothing()
    except Exception:
        for file in Path(str(look.stats.cache_path)).glob(f"{Path(__file__).stem}.*.nb[ci]"):
            file.unlink(missing_ok=True)
        _look_at_nothing()


def _look_at_nothing() -> None:
    view, none = centre_views([(1, 1)]), np.ones(3, np.float32)
    light = lit_levels(view.brightness[0], view.contrast[0], DARKEST)
    pixels, out = np.zeros((1, 1, 3), np.uint8), np.empty((1, 1, 3), np.float32)
    look(pixels, view.matrices[0], 1, light, none, none, out)


@njit(nogil=True, cache=True, error_model="numpy")
def look(
    image: Pixels,
    matrix: NDArray[np.float64],
    factor: int,
    light: Floats,
    mean: Floats,
    std: Floats,
    out: Floats,
) -> None:
    """Fill out (S, S, 3) with one view of an image (H, W, 3), shrunk by a whole factor first.

    light: what lit_levels returns.
    """
    if factor == 1:
        _sample(image, matrix, light, mean, std, out)
    else:
        cells = box_means(image, factor)
        # The positions of the view, counted in cells.
        scale = np.diag(np.array([1 / factor, 1 / factor, 1.0]))
        _sample(cells, scale @ matrix, light, mean, std, out)


@njit(nogil=True, cache=True, error_model="numpy")
def box_means(image: Pixels, factor: int) -> Floats:
    """Return the mean of every cell of factor by factor pixels that fits: (H', W', 3) float32."""
    height, width, _ = image.shape
    cells = np.empty((height // factor, width // factor, 3), np.float32)
    share = float32(1 / (factor * factor))
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            red = green = blue = 0
            for i in range(row * factor, (row + 1) * factor):
                for j in range(column * factor, (column + 1) * factor):
                    red += image[i, j, 0]
                    green += image[i, j, 1]
                    blue += image[i, j, 2]
            cells[row, column, 0] = red * share
            cells[row, column, 1] = green * share
            cells[row, column, 2] = blue * share
    return cells


@njit(nogil=True, cache=True, error_model="numpy")
def lit_levels(brightness: float, contrast: float, darkest: float) -> Floats:
    """Return what light makes of levels 0, 1/PIECES, ... 255, in 0..1; the last stands twice.

    darkest: as augment has it. numba would compile a constant of another module into the code that
    it keeps, and never learn that it changed.
    """
    lit = np.empty(255 * PIECES + 2, np.float32)
    for step in range(len(lit)):
        level = min(step / (255 * PIECES), 1.0)
        if brightness != 0 or contrast != 1:
            level = min(max(level, darkest), 1 - darkest)
            logit = (math.log(level / (1 - level)) + brightness) * contrast
            level = 1 / (1 + math.exp(-logit))
        lit[step] = level
    return lit


@njit(nogil=True, cache=True, error_model="numpy")
def _sample(
    cells: Pixels | Floats,
    matrix: NDArray[np.float64],
    light: Floats,
    mean: Floats,
    std: Floats,
    out: Floats,
) -> None:
    """Read cells once through the matrix, bilinear, and light and normalise what was read.

    Unsigned places spare the compiler the question whether they count from the end: 0.9 ms an
    image instead of 1.8.
    """
    height, width, _ = cells.shape
    below, right = uint64(height - 1), uint64(width - 1)
    size = len(out)
    xs, ys = np.empty(size), np.empty(size)
    for row in range(size):
        _positions(matrix, (2 * row + 1) / size - 1, width, height, xs, ys)
        for column in range(size):
            left, top = uint64(xs[column]), uint64(ys[column])
            a, b = float32(xs[column] - left), float32(ys[column] - top)
            next_left, next_top = min(left + uint64(1), right), min(top + uint64(1), below)
            both, only_a, only_b = a * b, a - a * b, b - a * b
            neither = float32(1) - only_a - b
            for channel in range(3):
                level = float32(PIECES) * (
                    cells[top, left, channel] * neither
                    + cells[top, next_left, channel] * only_a
                    + cells[next_top, left, channel] * only_b
                    + cells[next_top, next_left, channel] * both
                )
                step = uint64(level)
                lit = light[step]
                lit += (light[step + uint64(1)] - lit) * (level - float32(step))
                out[row, column, channel] = (lit - mean[channel]) / std[channel]


@njit(nogil=True, cache=True, error_model="numpy")
def _positions(
    matrix: NDArray[np.float64],
    down: float,
    width: int,
    height: int,
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
) -> None:
    """Fill in the places, counted from the centre of the first cell, that a row looks at.

    Mirrored at the edges; no view looks further out than one image.
    """
    for column in range(len(xs)):
        along = (2 * column + 1) / len(xs) - 1
        depth = matrix[2, 0] * along + matrix[2, 1] * down + matrix[2, 2]
        x = (matrix[0, 0] * along + matrix[0, 1] * down + matrix[0, 2]) / depth
        y = (matrix[1, 0] * along + matrix[1, 1] * down + matrix[1, 2]) / depth
        xs[column] = min(max(width - abs(abs(x) - width), 0.5), width - 0.5) - 0.5
        ys[column] = min(max(height - abs(abs(y) - height), 0.5), height - 0.5) - 0.5
