"""Flat images: in one buffer, and parts of them."""

import numpy as np
import pytest
import torch

from stages.batch import flat_images
from stages.batch.flat_images import FlatImages, flat_from_memory
from tests.batch.device_examples import sized_images
from tests.batch.examples import CPU

IMAGES = sized_images(5)


def read(flat: FlatImages, row: int) -> np.ndarray:
    """Return an image as it is decoded."""
    out = np.zeros((*flat.sizes[row], 3), np.uint8)
    flat.read_into(row, out)
    return out


def from_buffer(flat: FlatImages, row: int) -> np.ndarray:
    """Return an image as it lies in the buffer."""
    assert flat.buffer is not None
    assert flat.begins is not None
    height, width = flat.sizes[row].tolist()
    begin = int(flat.begins[row])
    return flat.buffer[begin : begin + 3 * height * width].view(height, width, 3).numpy()


@pytest.mark.parametrize("limit", [1, 5000, 10**9])
def test_the_buffer_holds_each_image_in_its_place(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the slots hold, every image is where its begin and size say, and none overlap."""
    monkeypatch.setattr(flat_images, "SLOT_BYTES", limit)
    flat = flat_from_memory([torch.from_numpy(image) for image in IMAGES]).on_device(CPU)
    assert flat.bytes == sum(image.size for image in IMAGES)
    for row, image in enumerate(IMAGES):
        assert np.array_equal(from_buffer(flat, row), image)


@pytest.mark.parametrize("resident", [True, False])
def test_a_subset_is_numbered_from_zero(resident: bool) -> None:
    """The images of some rows have their sizes, pixels and places, also as a subset of a subset."""
    flat = flat_from_memory([torch.from_numpy(image) for image in IMAGES])
    if resident:
        flat = flat.on_device(CPU)
    subset = flat.subset(np.array([4, 1, 2])).subset(np.array([2, 0]))
    assert subset.sizes.tolist() == [list(IMAGES[row].shape[:2]) for row in (2, 4)]
    for number, row in enumerate((2, 4)):
        assert np.array_equal(read(subset, number), IMAGES[row])
        if resident:
            assert np.array_equal(from_buffer(subset, number), IMAGES[row])


def test_no_images_are_an_empty_buffer() -> None:
    """A side of the split without images takes no memory."""
    flat = flat_from_memory([]).on_device(CPU)
    assert flat.bytes == 0
    assert flat.sizes.shape == (0, 2)
