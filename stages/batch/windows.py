"""The part of each image that its view looks at, so that nothing else is moved or converted."""

from typing import NamedTuple

import numpy as np

from stages.batch.views import CORNERS


class Windows(NamedTuple):
    """Rectangles of B images, in pixels: from `first` on, `shape` large; rows, then columns."""

    first: np.ndarray  # (B, 2) int, multiples of the shrink factor
    shape: np.ndarray  # (B, 2) int

    def of(self, rows: np.ndarray) -> "Windows":
        """Return the windows of some of the images."""
        return Windows(self.first[rows], self.shape[rows])


def full_windows(sizes: np.ndarray) -> Windows:
    """Return the windows that show all of each image; sizes: (B, 2) heights and widths."""
    return Windows(np.zeros_like(sizes), sizes)


def visible_windows(matrices: np.ndarray, sizes: np.ndarray, factors: np.ndarray) -> Windows:
    """Return the smallest windows that hold every pixel that a bilinear look at the views reads.

    Lines stay lines, so a view lies between its four corners. What it sees beyond an edge of the
    image is the reflection of what lies before it. factors: (B,) as of shrink_factors.
    """
    factor = factors[:, None]
    ends = np.concatenate([CORNERS, np.ones((4, 1))], axis=1) @ matrices.transpose(0, 2, 1)
    where = (ends[..., :2] / ends[..., 2:])[..., ::-1] / factor[:, None]  # (B, 4, 2) row, column
    # Half a cell either way for bilinear weights, and a thousandth for float32 positions.
    low, high = where.min(axis=1) - 0.501, where.max(axis=1) + 0.501
    cells = sizes // factor
    low, high = np.where(low < 0, 0, low), np.where(low < 0, np.maximum(high, -low + 1), high)
    over = high > cells
    low = np.where(over, np.minimum(low, 2 * cells - high - 1), low)
    first = np.clip(np.floor(low), 0, cells - 1).astype(int)
    last = np.where(over, cells, np.clip(np.ceil(high), first + 1, cells)).astype(int)
    return Windows(first * factor, (last - first) * factor)
