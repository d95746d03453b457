"""Lighting: which images it changes, and that of some of them."""

import numpy as np

from stages.batch.lighting import Lighting, no_lighting

EACH_ALONE = Lighting(
    gain=np.array([1.0, 0.5, 1.0, 1.0]),
    brightness=np.array([0.0, 0.0, -0.1, 0.0]),
    contrast=np.array([1.0, 1.0, 1.0, 1.1]),
)


def test_each_part_alone_changes_an_image() -> None:
    """A gain, a brightness or a contrast changes an image; the last two act on logits."""
    assert EACH_ALONE.changes.tolist() == [False, True, True, True]
    assert EACH_ALONE.acts_on_logits.tolist() == [False, False, True, True]


def test_no_lighting_changes_no_image() -> None:
    """It is as long as images are asked for, none included, and changes none of them."""
    assert no_lighting(3).changes.tolist() == [False, False, False]
    assert no_lighting(0).changes.tolist() == []


def test_a_subset_has_the_rows_in_their_order() -> None:
    """Rows may be numbers in any order, or a slice."""
    rows = EACH_ALONE.subset(np.array([3, 1]))
    assert rows.gain.tolist() == [1.0, 0.5]
    assert rows.brightness.tolist() == [0.0, 0.0]
    assert rows.contrast.tolist() == [1.1, 1.0]
    assert EACH_ALONE.subset(slice(1, 3)).gain.tolist() == [0.5, 1.0]
