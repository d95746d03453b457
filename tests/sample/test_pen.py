"""Scans become lines of the same shape, and lines become ink."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from stages.base.seed import derive
from stages.sample.pen import CELL, DETAIL, MARGIN, PENS, Mask, Pen, inked, line_distance, thin


def thin_slowly(mask: Mask) -> Mask:
    """Return a shape thinned by Zhang and Suen's rules as the paper states them, pixel by pixel."""
    mask = np.pad(mask, 1).astype(int)
    around = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
    changed = True
    while changed:
        changed = False
        for step in (0, 1):
            gone = []
            for row, column in np.argwhere(mask):
                p = [mask[row + r, column + c] for r, c in around]  # p2 .. p9
                rises = sum(p[i] == 0 and p[(i + 1) % 8] == 1 for i in range(8))
                p2, p4, p6, p8 = p[::2]
                if step == 0:
                    clear = p2 * p4 * p6 == 0 and p4 * p6 * p8 == 0
                else:
                    clear = p2 * p4 * p8 == 0 and p2 * p6 * p8 == 0
                if 2 <= sum(p) <= 6 and rises == 1 and clear:
                    gone.append((row, column))
            for place in gone:
                mask[place] = 0
            changed = changed or bool(gone)
    return mask[1:-1, 1:-1].astype(bool)


def loops(line: Mask) -> int:
    """Return the number of background areas that a line shuts in."""
    return int(ndimage.label(~line)[1]) - 1


@settings(derandomize=True, max_examples=60, deadline=None)
@given(arrays(bool, (9, 11)))
def test_thin_equals_the_plain_version(mask: Mask) -> None:
    """Thinning whole arrays gives what the published rules give pixel by pixel."""
    mask = np.pad(mask, 1)
    assert np.array_equal(thin(mask), thin_slowly(mask))


def test_thin_leaves_its_argument_alone() -> None:
    """The shape that is passed in stays as it was."""
    mask = np.zeros((9, 9), bool)
    mask[2:7, 2:7] = True
    copy = mask.copy()
    thin(mask)
    assert np.array_equal(mask, copy)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(10, 70), st.integers(10, 70)), min_size=2, max_size=5))
def test_thin_keeps_pieces_and_loops(points: list[tuple[int, int]]) -> None:
    """The middle line of a drawn stroke lies in it and has its pieces and loops."""
    image = Image.new("1", (80, 80))
    ImageDraw.Draw(image).line([*points, (75, 40)], fill=1, width=7, joint="curve")
    shape = np.array(image)
    line = thin(shape)
    assert not (line & ~shape).any()
    assert ndimage.label(line, np.ones((3, 3)))[1] == ndimage.label(shape, np.ones((3, 3)))[1]
    assert loops(line) == loops(shape)
    assert not (ndimage.uniform_filter(line.astype(float), 3) > 0.95).any()


def test_line_distance_of_a_bar_is_the_distance_from_its_middle() -> None:
    """Two full columns of a scan make a straight line between them, distances in cells."""
    scan = np.zeros((8, 8))
    scan[1:7, 3:5] = 16
    distance = line_distance(scan)
    side = (8 + 2 * MARGIN) * CELL * DETAIL
    assert distance.shape == (side, side)
    assert distance.dtype == np.float32
    x = (np.arange(side) + 0.5) / (CELL * DETAIL) - MARGIN  # in cells of the scan
    middle_row = distance[side // 2]
    assert np.abs(middle_row - np.abs(x - 4)).max() < 0.2


@pytest.mark.parametrize(("digit", "expected"), [(0, 1), (6, 1), (8, 2), (1, 0), (7, 0)])
def test_line_distance_keeps_the_loops_of_handwriting(digit: int, expected: int) -> None:
    """Most traced lines close as many loops as the digit has."""
    data = load_digits()
    scans = data.images[data.target == digit][:30]
    counts = [loops(line_distance(scan)[::4, ::4] < 0.2) for scan in scans]
    assert np.mean(np.equal(counts, expected)) >= 0.6


@pytest.mark.thorough  # the loops of handwriting, above, take a tenth of the time
def test_traced_lines_can_still_be_read() -> None:
    """Three nearest neighbours read at least 96 % of the lines by other scans' lines."""
    data = load_digits()
    lines = np.stack([line_distance(scan)[::16, ::16] < 0.5 for scan in data.images])
    pixels = ndimage.gaussian_filter(lines.astype(float), (0, 1, 1)).reshape(len(lines), -1)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(KNeighborsClassifier(3), pixels, data.target, cv=folds)
    assert scores.mean() > 0.96


@pytest.mark.parametrize("pen", PENS)
def test_a_pen_inks_the_line_and_nothing_far_from_it(pen: Pen) -> None:
    """Ink lies thick on the line and nowhere beyond the pen's widest reach."""
    distance = line_distance(load_digits().images[0])
    cover = np.asarray(inked(distance, pen, derive(1, "pen")))
    assert cover.shape == distance.shape
    assert cover[distance < 0.1].mean() > 110
    assert not cover[distance > 1.12 * pen.half_width[1] + pen.edge].any()


def test_every_line_keeps_its_pen_inside_the_raster() -> None:
    """The empty cells around a scan leave room for the widest pen."""
    widest = 1.12 * max(pen.half_width[1] + pen.edge for pen in PENS)
    full = line_distance(np.pad(np.zeros((6, 6)), 1, constant_values=16))
    border = np.concatenate([full[0], full[-1], full[:, 0], full[:, -1]])
    assert border.min() > widest
