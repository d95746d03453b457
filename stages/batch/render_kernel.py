"""The compiled code that renders one image: position, lighting and normalisation pixel by pixel.

Compiled once by numba, and cached beside the source. Only a processor that renders loads this
module: numba is 60 MB and takes .3 s, which a machine with a GPU does without.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numba import float32, njit, uint32
from numpy.typing import NDArray

from stages.batch.lighting_table import WEIGHT_ONE, lighting_table
from stages.batch.views import centre_views

_Pixels = NDArray[np.uint8]
_Sums = NDArray[np.uint32]
_Floats = NDArray[np.float32]


@cache
def load_compiled_code() -> None:
    """Load the compiled code or compile it; once a process, before threads ask for it.

    A cache file that a power cut left incomplete raises whatever an incomplete pickle does; then
    the cache is removed and the code compiled again.
    """
    try:
        _render_one_pixel()
    except Exception:
        for file in Path(str(render_view.stats.cache_path)).glob(f"{Path(__file__).stem}.*.nb[ci]"):
            file.unlink(missing_ok=True)
        _render_one_pixel()


def _render_one_pixel() -> None:
    """Call the compiled code with the types that render_cpu gives it."""
    matrix = centre_views([(1, 1)]).matrices[0]
    pixels = np.zeros((1, 1, 3), np.uint8)
    table = lighting_table(1.0, 0.0, 1.0)
    normalisation = np.ones((2, 3), np.float32)
    out = np.empty((1, 1, 3), np.float32)
    render_view(pixels, matrix, 1, table, normalisation, WEIGHT_ONE, out)


@njit(nogil=True, cache=True, error_model="numpy")
def render_view(  # noqa: PLR0913, PLR0917 - a kernel takes each array by itself
    image: _Pixels,
    matrix: NDArray[np.float64],
    factor: int,
    table: _Floats,
    normalisation: _Floats,
    one: int,
    out: _Floats,
) -> None:
    """Fill out (S, S, 3) with one view of an image, box averaged by a whole factor first.

    image: (H, W, 3), contiguous; table: what lighting_table returns; normalisation: (2, 3), what
    RenderSpec.scale_and_shift returns; one: WEIGHT_ONE, which as a constant would stay in the cache
    of numba when its module changes.
    """
    pieces = (len(table) - 2) // 255
    if factor == 1:
        _sample(image, matrix, float32(pieces / one), table, normalisation, one, out)
    else:
        # The positions of the view, counted in cells.
        to_cells = np.diag(np.array([1 / factor, 1 / factor, 1.0]))
        scale = float32(pieces / one / factor**2)
        _sample(box_sums(image, factor), to_cells @ matrix, scale, table, normalisation, one, out)


@njit(nogil=True, cache=True, error_model="numpy")
def box_sums(image: _Pixels, factor: int) -> _Sums:
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
            cells[row, column, 0] = red
            cells[row, column, 1] = green
            cells[row, column, 2] = blue
    return cells


@njit(nogil=True, cache=True, error_model="numpy")
def _sample(  # noqa: PLR0913, PLR0917 - as above
    cells: _Pixels | _Sums,
    matrix: NDArray[np.float64],
    scale: np.float32,
    table: _Floats,
    normalisation: _Floats,
    one: int,
    out: _Floats,
) -> None:
    """Sample the cells once through the matrix, bilinear, then apply lighting and normalisation.

    Row by row, and a row in three loops, of which the first has no branch and becomes vector
    instructions; the second adds up whole numbers, so that one sum is converted instead of four
    cells. An image of 224 x 224 takes .73 ms, and took 1.02 where one loop did all with floats.
    Unsigned indices spare the compiler the question whether they count from the end.
    scale: from a weighted sum to pieces of a grey level.
    """
    height, width, _ = cells.shape
    flat = cells.reshape(-1)
    size = len(out)
    right = uint32(3 * (width > 1))
    below = uint32(3 * width * (height > 1))
    corners = np.empty(size, np.int32)
    weights = np.empty((4, size), np.int32)
    for row in range(size):
        down = (2 * row + 1) / size - 1
        _bilinear_weights(matrix, down, width, height, one, corners, weights)
        for column in range(size):
            top_left = weights[0, column]
            top_right = weights[1, column]
            bottom_left = weights[2, column]
            bottom_right = weights[3, column]
            for channel in range(3):
                cell = uint32(corners[column]) + uint32(channel)
                total = flat[cell] * top_left + flat[cell + right] * top_right
                total += (
                    flat[cell + below] * bottom_left + flat[cell + below + right] * bottom_right
                )
                out[row, column, channel] = float32(total) * scale
        _light_and_normalise(out[row], table, normalisation)


@njit(nogil=True, cache=True, error_model="numpy")
def _bilinear_weights(  # noqa: PLR0913, PLR0917 - as above
    matrix: NDArray[np.float64],
    down: float,
    width: int,
    height: int,
    weight_one: int,
    corners: NDArray[np.int32],
    weights: NDArray[np.int32],
) -> None:
    """Fill in which cells an output row reads: the top left of four, and the weights of all four.

    corners (S,) count the values of the flat image. weights (4, S), in fixed point that adds up to
    weight_one: top left, top right, bottom left, bottom right. Reflection padding at the edges;
    further out than one image, which few views reach, the edge is replicated. down: the row's y in
    -1..1.
    """
    size = len(corners)
    one = float32(1)
    total = float32(weight_one)
    last_left = np.int32(max(width - 2, 0))
    last_top = np.int32(max(height - 2, 0))
    for column in range(size):
        along = (2 * column + 1) / size - 1
        depth = matrix[2, 0] * along + matrix[2, 1] * down + matrix[2, 2]
        x = (matrix[0, 0] * along + matrix[0, 1] * down + matrix[0, 2]) / depth
        y = (matrix[1, 0] * along + matrix[1, 1] * down + matrix[1, 2]) / depth
        x = min(max(width - abs(abs(x) - width), 0.5), width - 0.5) - 0.5
        y = min(max(height - abs(abs(y) - height), 0.5), height - 0.5) - 0.5
        left = min(np.int32(x), last_left)
        top = min(np.int32(y), last_top)
        corners[column] = 3 * (top * width + left)
        a = float32(x - left)
        b = float32(y - top)
        top_right = np.int32(total * a * (one - b))
        bottom_left = np.int32(total * (one - a) * b)
        bottom_right = np.int32(total * a * b)
        weights[0, column] = np.int32(weight_one) - top_right - bottom_left - bottom_right
        weights[1, column] = top_right
        weights[2, column] = bottom_left
        weights[3, column] = bottom_right


@njit(nogil=True, cache=True, error_model="numpy")
def _light_and_normalise(levels: _Floats, table: _Floats, normalisation: _Floats) -> None:
    """Apply lighting and normalisation to a row of levels (S, 3) counted in pieces, in place."""
    for column in range(len(levels)):
        for channel in range(3):
            level = levels[column, channel]
            step = uint32(level)
            value = table[step]
            value += (table[step + uint32(1)] - value) * (level - float32(step))
            levels[column, channel] = value * normalisation[0, channel] + normalisation[1, channel]
