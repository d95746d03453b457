"""Crops: where each view of a photo lies."""

import numpy as np

from stages.batch.views import centre_views
from stages.predict.crops import crop_views

SIZES = np.array([[60, 100], [80, 40]])
CORNERS = np.array([[-1, -1, 1], [1, 1, 1]]).T


def boxes(matrices: np.ndarray) -> np.ndarray:
    """Return left, top, right and bottom of the square that each view sees."""
    points = matrices @ CORNERS
    return np.stack([points[:, 0, 0], points[:, 1, 0], points[:, 0, 1], points[:, 1, 1]], axis=1)


def test_without_crops_the_view_is_that_of_validation() -> None:
    """The same matrices and the same light."""
    views = crop_views(SIZES, "none")
    assert np.array_equal(views.matrices, centre_views(SIZES).matrices)
    assert not views.lighting.changes.any()


def test_flip_mirrors_the_centre() -> None:
    """Each photo has its centre and behind it the same mirrored."""
    found = boxes(crop_views(SIZES, "flip").matrices)
    assert found.tolist() == [
        [20, 0, 80, 60], [80, 0, 20, 60], [0, 20, 40, 60], [40, 20, 0, 60]
    ]  # fmt: skip


def test_ten_crops_are_inside_and_touch_the_corners() -> None:
    """Five squares of seven eighths, one in the centre and one in each corner, then mirrored."""
    views = crop_views(SIZES, "ten")
    assert len(views.matrices) == len(views.lighting.changes) == 20
    first = boxes(views.matrices)[:10]
    side = 52.5
    left, top, right, bottom = (
        np.sort(first[:, [0, 2]], axis=1)[:, 0], first[:, 1],
        np.sort(first[:, [0, 2]], axis=1)[:, 1], first[:, 3],
    )  # fmt: skip
    assert np.allclose(right - left, side)
    assert np.allclose(bottom - top, side)
    places = set(zip(left[:5], top[:5], strict=True))
    assert places == {(23.75, 3.75), (0, 0), (0, 7.5), (47.5, 0), (47.5, 7.5)}
    assert np.allclose(first[5:, [2, 1, 0, 3]], first[:5])
