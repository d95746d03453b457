"""Strips by libvips: a file is read from the top, a few rows in memory, warnings collected."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyvips
from numpy.typing import NDArray

from stages.images.native_output import native_output

# No results are remembered: a file would be taken for an earlier one that lay at the same address.
pyvips.cache_set_max(0)
_LOGGER = logging.getLogger("pyvips")


class _WarningList(logging.Handler):
    """A handler that collects the text of each warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add the text of a warning."""
        self.lines.append(record.getMessage())


@contextmanager
def vips_warnings() -> Iterator[list[str]]:
    """Collect the warnings of libvips, and of the decoders in it, instead of printing them."""
    collected = _WarningList()
    propagate = _LOGGER.propagate
    _LOGGER.addHandler(collected)
    _LOGGER.propagate = False
    try:
        with native_output():
            yield collected.lines
    finally:
        _LOGGER.removeHandler(collected)
        _LOGGER.propagate = propagate


def open_vips(load: Callable[..., pyvips.Image], content: bytes) -> pyvips.Image:
    """Open a file, by pyvips.Image.tiffload_source or alike, to be read from the top once.

    Raises pyvips.Error for what the loader does not know.
    """
    # As a source, for a buffer is copied.
    return load(pyvips.Source.new_from_memory(content), access="sequential", fail_on="error")


def vips_strips(
    load: Callable[..., pyvips.Image], content: bytes, rows: int
) -> Iterator[NDArray[np.uint16]]:
    """Yield the samples (rows, W, bands) of a file, uint8 or uint16, in strips of so many rows.

    Raises pyvips.Error for damaged data.
    """
    image = open_vips(load, content)
    # One region for all strips: libvips then remembers the rows that it has read beyond a strip.
    region = pyvips.Region.new(image)
    sample = np.dtype(np.uint16 if image.format == "ushort" else np.uint8)
    for top in range(0, image.height, rows):
        height = min(rows, image.height - top)
        strip = np.frombuffer(region.fetch(0, top, image.width, height), sample)
        yield strip.reshape(height, image.width, image.bands)
