"""Visible windows: the part of each image that its view reads, so that nothing else is copied."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from stages.batch.views import CORNERS


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Rectangles in B images, in pixels: rows, then columns."""

    top_left: np.ndarray  # (B, 2) int, multiples of the shrink factor
    size: np.ndarray  # (B, 2) int, heights and widths

    def subset(self, rows: np.ndarray) -> "Windows":
        """Return the windows of some of the images."""
        return Windows(top_left=self.top_left[rows], size=self.size[rows])


def full_windows(sizes: np.ndarray) -> Windows:
    """Return the windows that cover each image; sizes: (B, 2) heights and widths."""
    return Windows(top_left=np.zeros_like(sizes), size=sizes)


def visible_windows(matrices: np.ndarray, sizes: np.ndarray, factors: np.ndarray) -> Windows:
    """Return the smallest windows that hold every pixel that bilinear sampling of the views reads.

    Lines stay lines, so a view lies between its four corners. Beyond an edge of the image a view
    reads the reflection of what lies before it. factors: (B,) as of shrink_factors.
    """
    factor = factors[:, None]
    corners = np.concatenate([CORNERS, np.ones((4, 1))], axis=1) @ matrices.transpose(0, 2, 1)
    # (B, 4, 2) row, column, counted in cells of factor x factor pixels
    positions = (corners[..., :2] / corners[..., 2:])[..., ::-1] / factor[:, None]
    # Half a cell either way for bilinear weights, and a thousandth for float32 positions.
    low = positions.min(axis=1) - 0.501
    high = positions.max(axis=1) + 0.501
    cells = sizes // factor
    beyond_start = low < 0
    high = np.where(beyond_start, np.maximum(high, -low + 1), high)
    low = np.where(beyond_start, 0, low)
    beyond_end = high > cells
    low = np.where(beyond_end, np.minimum(low, 2 * cells - high - 1), low)
    first = np.clip(np.floor(low), 0, cells - 1).astype(int)
    last = np.where(beyond_end, cells, np.clip(np.ceil(high), first + 1, cells)).astype(int)
    return Windows(top_left=first * factor, size=(last - first) * factor)


def collate(images: Sequence[Tensor], windows: Windows) -> Tensor:
    """Return the windows of images (H, W, 3), zero-padded at right and bottom: (B, 3, H, W)."""
    stacked = images[0].new_zeros(len(images), *windows.size.max(axis=0), 3)
    for padded, image, (top, left), (height, width) in zip(
        stacked, images, windows.top_left.tolist(), windows.size.tolist(), strict=True
    ):
        padded[:height, :width] = image[top : top + height, left : left + width]
    return stacked.permute(0, 3, 1, 2)
