"""A picture may be an image of Pillow or an array of pixels, and both are the same picture."""

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from stages.images.picture import Pixels, as_image, size_of


def random_pixels(width: int, height: int) -> Pixels:
    """Return random pixels (H, W, 3)."""
    return derive(1, "pixels").integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(4, 3), (3, 4), (1, 1), (1, 500)])
def test_width_comes_first(size: tuple[int, int]) -> None:
    """The size is (width, height) of both kinds, though an array has its height first."""
    pixels = random_pixels(*size)
    assert size_of(pixels) == size
    assert size_of(Image.fromarray(pixels)) == size


def test_an_array_becomes_an_rgb_image_of_the_same_pixels() -> None:
    """as_image changes no pixel, and the image has three bands."""
    pixels = random_pixels(7, 5)
    image = as_image(pixels)
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_an_image_is_returned_as_it_is(mode: str) -> None:
    """An image of Pillow is not copied, whatever its mode."""
    image = Image.new(mode, (4, 3))
    assert as_image(image) is image


def test_an_array_that_is_no_row_of_memory_is_the_same_picture() -> None:
    """A view with strides, such as a mirrored array, keeps its pixels."""
    mirrored = random_pixels(7, 5)[:, ::-1]
    assert np.array_equal(np.asarray(as_image(mirrored)), mirrored)
