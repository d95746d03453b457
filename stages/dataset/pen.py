"""From a scan of 8x8 grey cells back to the line that the pen drew.

Enlarged as they are, the digits look like blobs. Their middle line looks like handwriting, and it
can be drawn again with any pen.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CELL = 12  # pixels per cell of the scan while the line is traced
MARGIN = 2  # empty cells around the scan, so that the line's surroundings are known too
DETAIL = 3  # pixels of the result per traced pixel

Grid = NDArray[np.float64]
Mask = NDArray[np.bool_]


def pen_distance(scan: Grid) -> Grid:
    """Return how far each point is from the middle of the pen's line, in cells of the scan.

    scan: (8, 8), ink from 0 to 16. Result: (432, 432), 36 pixels per cell.
    """
    line = thin(_strokes(scan))
    distance = ndimage.distance_transform_edt(~line) / CELL
    rounded = ndimage.gaussian_filter(distance, 0.12 * CELL)  # takes the stairs out of the line
    return ndimage.zoom(rounded, DETAIL, order=1)


def _strokes(scan: Grid) -> Mask:
    """Return where there is ink, at CELL pixels per cell.

    Ink is compared with the darkest ink nearby and not with a fixed grey: so a pale stroke stays in
    one piece while the small hole of an 8 stays open.
    """
    ink = ndimage.zoom(np.pad(scan / 16, MARGIN), CELL, order=3, mode="grid-constant", grid_mode=True)
    darkest = ndimage.maximum_filter(ink, size=2 * CELL + 1)
    nearby = np.maximum(ndimage.gaussian_filter(darkest, 0.6 * CELL), 0.5)
    return ndimage.gaussian_filter(ink / nearby, 0.15 * CELL) > 0.55


def thin(mask: Mask) -> Mask:
    """Return the middle line of a shape, one pixel wide and connected as the shape was.

    T. Y. Zhang and C. Y. Suen, A fast parallel algorithm for thinning digital patterns, 1984.
    The shape must not touch the border.
    """
    mask = mask.copy()
    while True:
        before = int(mask.sum())
        for turn in (0, 2):
            mask &= ~_removable(mask, turn)
        if int(mask.sum()) == before:
            return mask


def _removable(mask: Mask, turn: int) -> Mask:
    """Return the border pixels that half a step of thinning takes away; turn is 0 or 2."""
    steps = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))
    ring = np.stack([np.roll(mask, step, (0, 1)) for step in steps])  # north, then clockwise
    neighbours = ring.sum(0)
    pieces = (~ring & np.roll(ring, -1, 0)).sum(0)  # runs of ink around the pixel
    north, east, south, west = np.roll(ring[::2], turn, 0)
    inner = (north & east & south) | (east & south & west)
    return mask & (neighbours >= 2) & (neighbours <= 6) & (pieces == 1) & ~inner
