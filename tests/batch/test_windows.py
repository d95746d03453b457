"""Windows hold all that a view reads, and little more."""

import numpy as np
import pytest
import torch

from stages.base.seed import derive
from stages.batch.render_gpu import render_batch, shrink_factors
from stages.batch.views import AugmentParams, Views, box, random_views, rotation
from stages.batch.windows import Windows, collate, full_windows, visible_windows
from tests.batch.examples import identity_spec, noise_image


def rendered(images: list[torch.Tensor], views: Views, windows: Windows) -> torch.Tensor:
    """Return the batch as the loader renders it."""
    sizes = np.array([image.shape[:2] for image in images])
    return render_batch(collate(images, windows), sizes, views, identity_spec(), windows)


@pytest.mark.parametrize("scale", [1, 2, 5])
@pytest.mark.parametrize("turn", [0.0, 10.0, 180.0])
def test_windows_change_no_pixel(scale: int, turn: float) -> None:
    """From its window an image is rendered as from all of it, however it is turned and warped."""
    sizes = np.random.default_rng(scale).integers(18, 40, (60, 2)) * scale
    images = [
        torch.from_numpy(noise_image(height, width, seed))
        for seed, (height, width) in enumerate(sizes.tolist())
    ]
    params = AugmentParams(
        size=16, min_scale=0.05, max_rotate=turn, max_zoom=1.4, max_warp=0.4,
        max_lighting=0.0, max_darkening=0.0, p_affine=0.7, p_lighting=0.0, flip=True,
    )  # fmt: skip
    generators = [derive(scale, "window", i) for i in range(60)]
    views = random_views(sizes.tolist(), params, generators)
    factors = shrink_factors(views.matrices, 16)
    windows = visible_windows(views.matrices, sizes, factors)
    from_full_images = rendered(images, views, full_windows(sizes))
    assert (rendered(images, views, windows) - from_full_images).abs().max() < 0.1 / 255
    assert windows.size.prod(axis=1).sum() < 0.7 * sizes.prod(axis=1).sum()
    assert (windows.top_left % factors[:, None] == 0).all()
    assert (windows.top_left >= 0).all()
    assert (windows.top_left + windows.size <= sizes).all()


def test_a_crop_is_its_window() -> None:
    """A box with nothing else needs its own pixels and one more on each side."""
    windows = visible_windows(box(20, 12, 10, 6)[None], np.array([[30, 40]]), np.array([1]))
    assert windows.top_left.tolist() == [[8, 14]]
    assert windows.size.tolist() == [[8, 12]]


def test_a_shrunk_crop_starts_at_a_whole_cell() -> None:
    """Where cells of three are averaged, the window starts at a cell of the whole image."""
    windows = visible_windows(box(52, 52, 48, 48)[None], np.array([[100, 100]]), np.array([3]))
    assert windows.top_left.tolist() == [[24, 24]]
    assert windows.size.tolist() == [[54, 54]]


def test_reflections_are_inside() -> None:
    """A view beyond the left edge needs the columns whose reflection it reads."""
    windows = visible_windows(box(-5, 10, 10, 20)[None], np.array([[20, 40]]), np.array([1]))
    assert windows.top_left.tolist() == [[0, 0]]
    assert windows.size[0, 1] >= 11


def test_a_view_beyond_all_edges_needs_the_whole_image() -> None:
    """A turned view that sticks out on all sides has the full window."""
    sizes = np.array([[20, 20]])
    matrix = box(10, 10, 20, 20) @ rotation(45) @ np.diag([1.3, 1.3, 1])
    windows = visible_windows(matrix[None], sizes, np.array([1]))
    assert windows.top_left.tolist() == [[0, 0]]
    assert windows.size.tolist() == [[20, 20]]


def test_a_subset_takes_the_windows_of_its_rows() -> None:
    """Rows choose windows as they choose images."""
    windows = full_windows(np.array([[3, 4], [5, 6], [7, 8]])).subset(np.array([2, 0]))
    assert windows.top_left.tolist() == [[0, 0], [0, 0]]
    assert windows.size.tolist() == [[7, 8], [3, 4]]


def test_collate_pads_with_zeros() -> None:
    """Every image stands at the top left of its place, and zeros fill the rest."""
    images = [
        torch.full((3, 5, 3), 7, dtype=torch.uint8),
        torch.full((4, 2, 3), 9, dtype=torch.uint8),
    ]
    stacked = collate(images, full_windows(np.array([[3, 5], [4, 2]])))
    assert stacked.shape == (2, 3, 4, 5)
    assert (stacked[0, :, :3] == 7).all()
    assert (stacked[0, :, 3] == 0).all()
    assert (stacked[1, :, :, :2] == 9).all()
    assert (stacked[1, :, :, 2:] == 0).all()


def test_collate_takes_the_windows_alone() -> None:
    """Of each image only its window is stacked."""
    image = torch.arange(60, dtype=torch.uint8).reshape(4, 5, 3)
    windows = Windows(top_left=np.array([[1, 2]]), size=np.array([[2, 3]]))
    assert torch.equal(collate([image], windows)[0].permute(1, 2, 0), image[1:3, 2:5])
