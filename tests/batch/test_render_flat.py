"""Rendering out of a flat buffer: what renders, and where the result goes."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.batch import render_flat as module
from stages.batch.render_flat import kernel_serves, render_flat
from stages.batch.render_gpu import shrink_factors
from stages.batch.side_stream import SideStream
from stages.batch.view_record import PlacedImages
from tests.batch.device_examples import sized_images, views_by_rows
from tests.batch.examples import CPU, imagenet_spec

IMAGES = sized_images(3)
SIZES = np.array([image.shape[:2] for image in IMAGES], np.int32)


def rendered(kernel: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Render three images into the places 1 to 3 of five, which hold 9 and -1."""
    flat = torch.from_numpy(np.concatenate([image.ravel() for image in IMAGES]))
    views = views_by_rows(np.arange(3), SIZES)
    images = PlacedImages(
        begins=np.cumsum([0, *[image.size for image in IMAGES]])[:-1],
        sizes=SIZES,
        targets=np.array([5, 6, 7]),
        views=views,
        factors=shrink_factors(views.matrices, 16),
    )
    out = torch.full((5, 3, 16, 16), 9.0).to(memory_format=torch.channels_last)
    targets = torch.full((5,), -1)
    spec = replace(imagenet_spec(), kernel=kernel)
    render_flat(flat, images, spec, (out, targets), 1, SideStream(CPU))
    return out, targets


@pytest.mark.parametrize("kernel", [True, False])
def test_a_part_of_a_batch_is_filled(kernel: bool) -> None:
    """Images and targets go where the part begins, and what is around it stays."""
    if kernel:
        pytest.importorskip("triton", reason="Triton is not installed: it is for Linux alone")
    out, targets = rendered(kernel)
    assert (out[[0, 4]] == 9).all()
    assert (out[1:4] != 9).all()
    assert targets.tolist() == [-1, 5, 6, 7, -1]


def test_kernel_and_torch_agree() -> None:
    """Both give the same images to a tenth of a grey level."""
    pytest.importorskip("triton", reason="Triton is not installed: it is for Linux alone")
    by_kernel, _ = rendered(kernel=True)
    by_torch, _ = rendered(kernel=False)
    assert (by_kernel - by_torch).abs().max() < 0.1 / 255 / 0.224


def test_the_kernel_serves_no_processor() -> None:
    """On a processor compiled code of its own renders."""
    assert not kernel_serves(CPU)


def test_a_gpu_on_which_the_kernel_fails_is_rendered_by_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a compiler, or on a GPU that Triton does not know, one warning says so, once."""

    def fail(device: torch.device) -> None:
        raise RuntimeError("Failed to find C compiler")

    kernel_serves.cache_clear()
    monkeypatch.setattr(module, "_render_one_pixel", fail)
    with pytest.warns(UserWarning, match=r"^torch renders on cuda:0.*to find C compiler$"):
        assert not kernel_serves(torch.device("cuda:0"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not kernel_serves(torch.device("cuda:0"))
    monkeypatch.setattr(module, "_render_one_pixel", lambda device: None)
    kernel_serves.cache_clear()
    assert kernel_serves(torch.device("cuda:0"))
    kernel_serves.cache_clear()


def test_memory_that_is_short_says_nothing_about_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A GPU without free memory is an error, not one on which torch renders from then on."""

    def fail(device: torch.device) -> None:
        raise torch.OutOfMemoryError

    kernel_serves.cache_clear()
    monkeypatch.setattr(module, "_render_one_pixel", fail)
    with pytest.raises(torch.OutOfMemoryError):
        kernel_serves(torch.device("cuda:0"))
