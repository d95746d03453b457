"""Every photograph is legible: the writing is inside it, large enough and well lit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from stages.base.seed import derive
from stages.sample.camera import frame_size, ink_box, ink_coverage, photograph, pose
from stages.sample.pen import PENS, inked, line_distance
from stages.sample.texture import Plane

SEEDS = st.integers(0, 2**40)


def line(number: int = 5) -> Plane:
    """Return the distance from the line of a scan."""
    return line_distance(load_digits().images[number])


@settings(derandomize=True)
@given(SEEDS)
def test_frames_are_within_320_and_900_pixels(seed: int) -> None:
    """Both sides of every photograph are in the promised range."""
    assert all(320 <= side <= 900 for side in frame_size(derive(seed)))


def test_frames_are_portrait_landscape_and_square() -> None:
    """All shapes of frame occur."""
    sizes = [frame_size(derive(1, number)) for number in range(60)]
    assert {np.sign(width - height) for width, height in sizes} == {-1, 0, 1}


@settings(derandomize=True, deadline=None)
@given(SEEDS, st.integers(1, 250), st.integers(1, 250))
def test_the_writing_lies_in_the_middle_square(seed: int, width: int, height: int) -> None:
    """Whatever its shape, the box's four corners are well inside the middle square."""
    rng = derive(seed)
    size = frame_size(rng)
    left, top, right, bottom = box = (30, 40, 30 + width, 40 + height)
    corners = np.array([[x, y, 1] for x in (left, right) for y in (top, bottom)]).T
    x, y, depth = pose(size, box, rng) @ corners
    away = np.abs(np.stack([x / depth, y / depth]).T - np.array(size) / 2)
    assert away.max() <= 0.4701 * min(size)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(SEEDS)
def test_the_writing_fills_half_the_picture_and_stays_inside(seed: int) -> None:
    """Ink in the photograph is 40 to 85 % of the shorter side high, and never at the border."""
    rng = derive(seed)
    ink = inked(line(), PENS[seed % len(PENS)], rng)
    size = frame_size(rng)
    to_sheet = np.linalg.inv(pose(size, ink_box(ink), rng))
    rows, columns = np.nonzero(ink_coverage(ink, to_sheet, size) > 16 / 255)
    assert 0.40 < max(np.ptp(rows), np.ptp(columns)) / min(size) < 0.85
    assert rows.min() > 0
    assert columns.min() > 0
    assert rows.max() < size[1] - 1
    assert columns.max() < size[0] - 1


def test_ink_box_of_a_blank_drawing_is_refused() -> None:
    """Nothing written is an error, not an empty photograph."""
    with pytest.raises(ValueError, match="empty"):
        ink_box(Image.new("L", (50, 50)))


def test_a_photograph_repeats_with_its_generator() -> None:
    """The same generator takes the same photograph, another one another."""
    first, again, other = (photograph(line(), derive(1, name)) for name in "aab")
    assert first.mode == "RGB"
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_photographs_are_exposed_like_photographs() -> None:
    """No photograph of fifteen is nearly black or all white, and each has contrast and noise."""
    for number in range(15):
        pixels = np.asarray(photograph(line(number), derive(2, number)), float)
        grey = pixels.mean(2)
        assert 60 < np.median(grey) < 252
        assert (grey > 254).mean() < 0.7
        assert np.percentile(grey, 95) - np.percentile(grey, 1) > 35
        assert np.abs(np.diff(grey)).mean() > 0.3
