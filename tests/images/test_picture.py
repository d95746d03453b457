"""A picture may be an image of Pillow or an array of pixels, and both are the same picture."""

import io

import numpy as np
import pytest
import pyvips
from PIL import Image

from stages.base.seed import derive
from stages.images.picture import Pixels, as_image, is_deep, is_deep_grey, is_grey, size_of


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


@pytest.mark.parametrize(
    ("mode", "grey"),
    [("1", True), ("L", True), ("LA", True), ("I;16", True), ("P", False), ("RGB", False)],
)
def test_grey_is_what_has_no_colours(mode: str, grey: bool) -> None:
    """Grey has one band beside alpha, of whatever depth; a palette may have colours."""
    assert is_grey(Image.new(mode, (4, 3))) is grey


def opened(samples: np.ndarray) -> Image.Image:
    """Return a PNG of such samples (H, W, bands), open but not loaded."""
    kind = {1: pyvips.Interpretation.GREY16, 3: pyvips.Interpretation.RGB16}[samples.shape[2]]
    wide = pyvips.Image.new_from_array(samples)
    if samples.dtype == np.uint16:
        wide = wide.copy(interpretation=kind)
    return Image.open(io.BytesIO(wide.pngsave_buffer()))


@pytest.mark.parametrize("bands", [1, 3])
def test_a_deep_picture_is_known_before_it_is_loaded(bands: int) -> None:
    """Samples of 16 bits are seen in grey and in colour, of which Pillow loads 8 bits."""
    samples = np.full((20, 20, bands), 60_000, np.uint16)
    assert is_deep(opened(samples))
    assert is_deep_grey(opened(samples)) is (bands == 1)
    assert not is_deep(opened((samples >> 8).astype(np.uint8)))
