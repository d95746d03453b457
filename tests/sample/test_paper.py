"""Sheets are bright, evenly ruled, and end beside the writing."""

import numpy as np
import pytest

from stages.base.seed import derive
from stages.sample.paper import Scene, View, _lay_on_table, _line, _rule, paper_sheet, stain

BOX = (120, 100, 220, 260)


def view(width: int = 400, height: int = 360) -> View:
    """Return the view of a camera that points straight down, a pixel of ink for each pixel."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return View(x=x, y=y, box=BOX)


def white(sheet: View) -> Scene:
    """Return blank paper."""
    return np.ones((3, *sheet.shape), np.float32)


def test_stain_multiplies_where_it_covers() -> None:
    """No cover changes nothing, full cover multiplies by the colour, half goes half way."""
    scene = np.full((3, 1, 3), 0.8, np.float32)
    stain(scene, np.array([[0, 0.5, 1]], np.float32), (0.5, 1.0, 0.0))
    assert scene[:, 0].tolist() == pytest.approx(
        np.array([[0.8, 0.6, 0.4], [0.8, 0.8, 0.8], [0.8, 0.4, 0]])
    )


def test_sheets_are_light_and_vary() -> None:
    """Sheets are in 0..1, bright where one writes, and of all three kinds within forty."""
    rulings = set()
    for number in range(40):
        scene = paper_sheet(view(), derive(1, number))
        assert scene.shape == (3, 360, 400)
        assert scene.dtype == np.float32
        assert scene.min() >= 0
        assert scene.max() <= 1.02
        left, top, right, bottom = BOX
        writing = scene[:, top:bottom, left:right]
        assert writing.mean() > 0.7
        green = writing[1] < 0.9 * np.median(writing[1])
        rulings.add((bool(green.all(1).any()), bool(green.all(0).any())))
    assert {(False, False), (True, False), (True, True)} <= rulings


def test_the_table_never_reaches_the_writing() -> None:
    """A sheet ends outside the box of the writing, on whichever side."""
    left, top, right, bottom = BOX
    ends = set()
    for number in range(30):
        scene = white(view())
        _lay_on_table(scene, view(), derive(2, number))
        assert (scene[:, top:bottom, left:right] == 1).all()
        table = scene[1] < 0.9
        assert table.any()
        ends.add(tuple(np.argwhere(table).mean(0) // 130))
    assert len(ends) >= 4


@pytest.mark.parametrize("width", [1.0, 1.4, 2.0])
def test_a_printed_line_covers_what_it_overlaps(width: float) -> None:
    """A pixel's cover is the part of its breadth that the line takes."""
    distance = np.linspace(0, 4, 81, dtype=np.float32)
    overlap = np.minimum(0.5, distance + width / 2) - np.maximum(-0.5, distance - width / 2)
    assert _line(distance, width) == pytest.approx(np.clip(overlap, 0, 1), abs=1e-6)


def test_printed_lines_are_evenly_spaced() -> None:
    """Rows between printed lines are equally many, and no line is missing."""
    gaps = []
    for number in range(30):
        scene = white(view())
        _rule(scene, view(), derive(3, number))
        rows = scene[1].max(1) < 0.95
        starts = np.flatnonzero(np.diff(rows.astype(int)) == 1)
        if len(starts) > 2:
            gaps.append(np.diff(starts))
    assert len(gaps) > 5
    assert all(np.ptp(gap) <= 1 for gap in gaps)
