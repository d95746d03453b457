"""libvips reads a file in strips, and its warnings are collected and not printed."""

import logging

import numpy as np
import pytest
import pyvips

from stages.images.vips_strips import vips_strips, vips_warnings
from tests.images.image_files import file_of, smooth


def test_strips_are_the_picture() -> None:
    """Put together they are what Pillow saved; grey has one band."""
    for mode in ("RGB", "L"):
        content = file_of(smooth(mode=mode), "TIFF")
        found = np.concatenate(list(vips_strips(pyvips.Image.tiffload_source, content, 7)))
        assert np.array_equal(found.squeeze(), np.asarray(smooth(mode=mode)))


def test_damage_is_an_error() -> None:
    """A file that ends too soon does not give grey rows."""
    content = file_of(smooth(), "PNG")
    with pytest.raises(pyvips.Error):
        list(vips_strips(pyvips.Image.pngload_source, content[: len(content) // 2], 7))


def test_warnings_are_heard_in_the_block_only(caplog: pytest.LogCaptureFixture) -> None:
    """What libvips logs is in the list, and goes nowhere else until the block ends."""
    logger = logging.getLogger("pyvips.voperation")
    with vips_warnings() as lines:
        logger.warning("Corrupt JPEG data")
    assert lines == ["Corrupt JPEG data"]
    assert caplog.messages == []
    logger.warning("later")
    assert lines == ["Corrupt JPEG data"]
    assert caplog.messages == ["later"]
