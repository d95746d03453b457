"""The figures of a comparison."""

import numpy as np
import pytest

from stages.compare import figures
from stages.compare.figures import (
    MATRIX_CLASSES,
    confusion_change_figure,
    reliability_change_figure,
)
from stages.page.confusion_figure import RIGHT_COLOUR, WRONG_COLOUR
from stages.stats.calibration import reliability_diagram


def test_the_change_of_confusion_shows_only_what_changed() -> None:
    """Classes without a change are left out, and the others have signed numbers."""
    change = np.zeros((4, 4))
    change[0, 2] = 3
    change[0, 0] = -3
    svg = confusion_change_figure(["ant", "bee", "cow", "doe"], change, "x")
    assert svg is not None
    assert "+3" in svg
    assert "−3" in svg
    assert "ant" in svg
    assert "bee" not in svg


def test_without_any_change_there_is_no_figure() -> None:
    """Two equal confusion matrices need no picture."""
    assert confusion_change_figure(list("abcd"), np.zeros((4, 4)), "x") is None
    assert confusion_change_figure([], np.zeros((0, 0)), "x") is None


def test_of_many_classes_the_most_changed_are_shown() -> None:
    """A large matrix is cut to the classes with most changes."""
    names = [f"class{number:03}" for number in range(90)]
    svg = confusion_change_figure(names, np.diag(np.arange(1.0, 91.0)), "x")
    assert svg is not None
    # Each of them is the name of a row and of a column.
    assert sum(svg.count(f">{name}<") for name in names) == 2 * MATRIX_CLASSES
    assert "class089" in svg
    assert "class001" not in svg


@pytest.mark.parametrize(
    ("row", "column", "sign", "colour"),
    [
        (0, 0, 1, RIGHT_COLOUR),
        (0, 0, -1, WRONG_COLOUR),
        (0, 1, 1, WRONG_COLOUR),
        (0, 1, -1, RIGHT_COLOUR),
    ],
)
def test_the_colour_says_whether_a_change_is_for_the_better(
    row: int, column: int, sign: int, colour: tuple[int, int, int]
) -> None:
    """More right answers and fewer mistakes are of one colour, the contrary of another."""
    change = np.zeros((2, 2))
    change[row, column] = sign
    colours = figures._colours(change)
    assert tuple(colours[row, column, :3]) == colour
    assert colours[row, column, 3] > 0
    assert (colours[..., 3] > 0).sum() == 1


@pytest.mark.parametrize("images", [1, 500])
def test_reliability_is_drawn_before_and_after(images: int) -> None:
    """Both curves are in the figure, with few images and with many; the same gives the same."""
    rng = np.random.default_rng(0)
    base, other = (
        reliability_diagram(rng.random((1, images)), rng.random((1, images)) > 0.5)
        for _ in range(2)
    )
    svg = reliability_change_figure(base, other, "x")
    assert svg == reliability_change_figure(base, other, "x")
    for words in ("before", "after", "how sure the model was"):
        assert words in svg
