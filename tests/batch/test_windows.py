"""Windows hold all that a view reads, and little more."""

import numpy as np
import pytest
import torch

from stages.base.seed import derive
from stages.batch.loader import collate
from stages.batch.render_gpu import render_batch, shrink_factors
from stages.batch.views import AugmentParams, Views, box, random_views, rotation
from stages.batch.windows import Windows, full_windows, visible_windows

PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def unlit(matrices: np.ndarray) -> Views:
    """Return views without changes of light."""
    return Views(matrices, np.zeros(len(matrices)), np.ones(len(matrices)))


def rendered(images: list[torch.Tensor], views: Views, size: int, windows: Windows) -> torch.Tensor:
    """Return the batch as the loader makes it."""
    sizes = np.array([image.shape[:2] for image in images])
    return render_batch(collate(images, windows), sizes, views, size, *PLAIN, windows)


@pytest.mark.parametrize("scale", [1, 2, 5])
@pytest.mark.parametrize("turn", [0.0, 10.0, 180.0])
def test_windows_change_no_pixel(scale: int, turn: float) -> None:
    """Through its window an image looks as it does whole, however it is turned and warped."""
    rng = np.random.default_rng(scale)
    shapes = rng.integers(18, 40, (60, 2)) * scale
    images = [torch.from_numpy(rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for s in shapes]
    params = AugmentParams(
        size=16, min_scale=0.05, max_rotate=turn, max_zoom=1.4, max_warp=0.4,
        max_lighting=0.0, p_affine=0.7, p_lighting=0.0, flip=True,
    )  # fmt: skip
    rngs = [derive(scale, "window", i) for i in range(60)]
    views = random_views(shapes.tolist(), params, rngs)
    factors = shrink_factors(views.matrices, 16)
    windows = visible_windows(views.matrices, shapes, factors)
    everything = rendered(images, views, 16, full_windows(shapes))
    assert (rendered(images, views, 16, windows) - everything).abs().max() < 0.1 / 255
    assert windows.shape.prod(axis=1).sum() < 0.7 * shapes.prod(axis=1).sum()
    assert (windows.first % factors[:, None] == 0).all()
    assert (windows.first >= 0).all()
    assert (windows.first + windows.shape <= shapes).all()


def test_a_crop_is_its_window() -> None:
    """A box with nothing else needs its own pixels and one more on each side."""
    windows = visible_windows(box(20, 12, 10, 6)[None], np.array([[30, 40]]), np.array([1]))
    assert windows.first.tolist() == [[8, 14]]
    assert windows.shape.tolist() == [[8, 12]]


def test_a_shrunk_crop_starts_at_a_whole_block() -> None:
    """Where blocks of three are averaged, the window starts at a block of the whole image."""
    windows = visible_windows(box(52, 52, 48, 48)[None], np.array([[100, 100]]), np.array([3]))
    assert windows.first.tolist() == [[24, 24]]
    assert windows.shape.tolist() == [[54, 54]]


def test_reflections_are_inside() -> None:
    """A view beyond the left edge needs the columns that it sees mirrored."""
    windows = visible_windows(box(-5, 10, 10, 20)[None], np.array([[20, 40]]), np.array([1]))
    assert windows.first.tolist() == [[0, 0]]
    assert windows.shape[0, 1] >= 11


def test_a_view_of_everything_is_whole() -> None:
    """A turned view that sticks out on all sides needs the whole image."""
    sizes = np.array([[20, 20]])
    matrix = box(10, 10, 20, 20) @ rotation(45) @ np.diag([1.3, 1.3, 1])
    assert visible_windows(matrix[None], sizes, np.array([1])).shape.tolist() == [[20, 20]]
