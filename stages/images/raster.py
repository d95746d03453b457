"""Rasters: the pixels of every format but JPEG, in strips of 8 bits a sample, proven whole."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from stages.images.avif import check_avif
from stages.images.containers import check_length
from stages.images.levels import Depth, depth_of
from stages.images.picture import is_deep, is_deep_grey
from stages.images.strips import Strips, rows_of_strip, strips_of
from stages.images.tiff import is_negative, load_by_pillow, read_tiff, stated_bits
from stages.images.vips_strips import vips_strips
from stages.images.webp import check_webp

_MODE_OF_BANDS = {2: "LA", 3: "RGB", 4: "RGBA"}
# Pillow reads the upper of two bytes; where all lie below it, 12 bits are in use at most.
_UPPER_OF_12_BITS = 16
_NO_LEVEL = -1


@dataclass(frozen=True)
class Raster:
    """A picture that is read strip by strip, and what is unusual about it."""

    strips: Strips
    traits: frozenset[str]


def read_raster(content: bytes, photo: Image.Image) -> Raster:
    """Return the first picture of an open file that is no JPEG.

    Damage raises EOFError, ValueError, pyvips.Error or what Pillow raises, perhaps only while
    strips are read.
    """
    traits = {"odd data"} if check_length(content) else set()
    read = read_tiff(content, photo) if isinstance(photo, TiffImageFile) else None
    if read is None:
        deep = is_deep(photo)
        _load(content, photo)
        if is_deep_grey(photo):
            read = _grey(photo)
        elif deep and photo.format == "PNG" and _is_dim(photo):
            read = _deep_png(content, photo)
        elif _has_empty_alpha(photo):
            traits.add("empty alpha")
            read = _without_alpha(photo), Depth()
        else:
            read = strips_of(photo), Depth()
    strips, depth = read
    return Raster(strips, frozenset(traits | {depth.trait} - {""}))


def _load(content: bytes, photo: Image.Image) -> None:
    """Load a file by Pillow, and check what Pillow passes over."""
    if isinstance(photo, TiffImageFile):
        load_by_pillow(photo)
        return
    # Before Pillow's own, so that only one decoder's memory is in use.
    if photo.format == "WEBP":
        check_webp(content)
    elif photo.format == "AVIF":
        check_avif(content)
    photo.load()
    if photo.format == "PNG":  # load() passes over wrong checksums, verify() does not
        Image.open(io.BytesIO(content), formats=("PNG",)).verify()


def _grey(photo: Image.Image) -> tuple[Strips, Depth]:
    """Return a loaded grey picture of 16 bits as strips of 8; a transparent level becomes white."""
    tags = photo.tag_v2 if isinstance(photo, TiffImageFile) else {}
    stated = stated_bits(tags)
    negative = is_negative(tags)
    clear = photo.info.get("transparency", _NO_LEVEL)

    def samples(rows: int) -> Iterator[NDArray[np.uint16]]:
        for strip in strips_of(photo)(rows):
            yield np.asarray(strip).astype(np.uint16)[..., np.newaxis]

    depth = depth_of(samples(rows_of_strip(photo.size)), 1, stated)

    def strips(rows: int) -> Iterator[Image.Image]:
        for levels in samples(rows):
            grey = depth.to_bytes(levels, 1)
            if negative:
                grey = 255 - grey
            grey[levels == clear] = 255
            yield Image.fromarray(grey[..., 0])

    return strips, depth


def _is_dim(photo: Image.Image) -> bool:
    """Return whether no upper byte of a colour needs more than the bits of a 12-bit sample."""
    colours = 3 if photo.mode.startswith("RGB") else 1
    return bool(_largest(photo)[:colours].max() < _UPPER_OF_12_BITS)


def _largest(photo: Image.Image) -> NDArray[np.int64]:
    """Return the largest value of each band."""
    return np.reshape(photo.getextrema(), (-1, 2))[:, 1].astype(np.int64)


def _deep_png(content: bytes, photo: Image.Image) -> tuple[Strips, Depth]:
    """Return a PNG in colour or with alpha, of 16 bits, by all of its bits."""

    def samples(rows: int) -> Iterator[NDArray[np.uint16]]:
        return vips_strips(pyvips.Image.pngload_source, content, rows)

    bands = next(samples(1)).shape[2]
    colours = 3 if bands > 2 else 1
    depth = depth_of(samples(rows_of_strip(photo.size)), colours)

    def strips(rows: int) -> Iterator[Image.Image]:
        for levels in samples(rows):
            yield Image.fromarray(depth.to_bytes(levels, colours), _MODE_OF_BANDS[bands])

    return strips, depth


def _has_empty_alpha(photo: Image.Image) -> bool:
    """Return whether a BMP has 0 for the opacity of all pixels: its writer knew of no alpha."""
    return photo.format == "BMP" and photo.mode == "RGBA" and _largest(photo)[3] == 0


def _without_alpha(photo: Image.Image) -> Strips:
    def strips(rows: int) -> Iterator[Image.Image]:
        for strip in strips_of(photo)(rows):
            yield strip.convert("RGB")

    return strips
