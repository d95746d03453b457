"""TIFF decoding by libvips, which fails where libtiff complains; Pillow passes over it.

Of 450 damaged copies of a TIFF packed by deflate, Pillow took 121 that were visibly wrong, of one
with JPEG inside 162; this takes none and 16 (benchmarks/damage.py). libvips refuses what libtiff
calls an error and passes on what libjpeg warns of. Neither reads the checksum behind the last row,
so zlib checks each block.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile

from stages.images.levels import Depth, depth_of
from stages.images.native_output import native_output
from stages.images.strips import Strips, rows_of_strip
from stages.images.vips_strips import open_vips, vips_strips, vips_warnings

Tags = Mapping[int, Any]  # of one directory; none for another format

# Tags of the offsets and lengths of strips, and of tiles.
_BLOCKS = ((Base.StripOffsets, Base.StripByteCounts), (Base.TileOffsets, Base.TileByteCounts))
_BANDS_APART = 2
_WHITE_IS_ZERO = 0
_PREMULTIPLIED = 1  # an extra sample
_DEFLATE = ("tiff_adobe_deflate", "tiff_deflate")
# Compressions that libvips reads in every build; of the others Pillow knows some.
_READABLE = {"raw", "tiff_lzw", "packbits", "jpeg", "tiff_ccitt", "group3", "group4", *_DEFLATE}
# Mode of Pillow -> bands of libvips -> mode of the strips. libvips looks palettes up.
_MODES = {
    "1": {1: "L"},
    "L": {1: "L"},
    "I;16": {1: "L"},
    "I;16B": {1: "L"},
    "LA": {2: "LA"},
    "P": {1: "L", 3: "RGB"},
    "RGB": {3: "RGB", 4: "RGB"},
    "RGBA": {4: "RGBA"},
    "CMYK": {4: "CMYK"},
}
_ALPHA_MODES = ("LA", "RGBA")
_DAMAGE = re.compile(r"Corrupt JPEG data|[Pp]remature end")
_LINE = re.compile(r"\w[\w./-]*: .+\.")  # as libtiff writes it: a function, its complaint
_CHUNK = 1 << 20  # bytes inflated at a time
# Pixels of a tile of a picture that is smaller: 16 x 16 pixels in a tile of 32,768 x 32,768, a file
# of 1 MB, took 12 s.
_MAX_TILE = 1 << 24
_OME_BITS = re.compile(r'SignificantBits="(\d+)"')  # a microscope's, in the description


def read_tiff(content: bytes, photo: TiffImageFile) -> tuple[Strips, Depth] | None:
    """Return the first picture of an open TIFF in 8 bits a sample, and the depth that it had.

    Strips are grey (perhaps with alpha), RGB, RGBA or CMYK. None for what libvips does not read.
    Damage raises ValueError or pyvips.Error, perhaps only while strips are read.
    """
    _check_deflate(content, photo)
    mode, deep = _vips_mode(content, photo)
    if not mode:
        return None
    bands = Image.getmodebands(mode)
    colours = bands - (mode in _ALPHA_MODES)
    negative = deep and is_negative(photo.tag_v2)

    def stored(rows: int) -> Iterator[NDArray[np.uint16]]:
        for samples in _undamaged_strips(content, rows):
            yield 65535 - samples if negative else samples  # libvips has turned a negative

    size = rows_of_strip(photo.size)
    depth = depth_of(stored(size), colours, stated_bits(photo.tag_v2)) if deep else Depth()

    def strips(rows: int) -> Iterator[Image.Image]:
        for samples in stored(rows):
            levels = depth.to_bytes(samples, colours) if deep else samples.astype(np.uint8)
            pixels = (255 - levels if negative else levels)[..., :bands]
            yield Image.fromarray(pixels if bands > 1 else pixels[..., 0], mode)

    return strips, depth


def load_by_pillow(photo: TiffImageFile) -> None:
    """Load an open TIFF; a ValueError for damage that libtiff only writes to the terminal."""
    with native_output() as lines:
        photo.load()
    for line in filter(_LINE.fullmatch, lines):
        raise ValueError(line)


def stated_bits(tags: Tags) -> int:
    """Return the bits a sample that are in use by a TIFF's own words."""
    ome = _OME_BITS.search(str(tags.get(Base.ImageDescription, "")))
    if ome:
        return int(ome[1])
    most = tags.get(Base.MaxSampleValue, 0)
    if most := max(most) if isinstance(most, tuple) else most:
        return int(most).bit_length()
    return int(max(tags.get(Base.BitsPerSample, (0,))))


def is_negative(tags: Tags) -> bool:
    """Return whether 0 is white."""
    return bool(tags.get(Base.PhotometricInterpretation) == _WHITE_IS_ZERO)


def _vips_mode(content: bytes, photo: TiffImageFile) -> tuple[str, bool]:
    """Return the mode of the strips that libvips gives, "" for none, and whether it gives 16 bits.

    Left to Pillow are colours multiplied by alpha, and tiles with a band each.
    """
    tags = photo.tag_v2
    premultiplied = _PREMULTIPLIED in tags.get(Base.ExtraSamples, ())
    tiles_of_a_band = Base.TileWidth in tags and tags.get(Base.PlanarConfiguration) == _BANDS_APART
    if photo.info.get("compression") not in _READABLE or premultiplied or tiles_of_a_band:
        return "", False
    try:
        with vips_warnings():
            image = open_vips(pyvips.Image.tiffload_source, content)
    except pyvips.Error:
        return "", False
    known = image.format in ("uchar", "ushort") and (image.width, image.height) == photo.size
    mode = _MODES.get(photo.mode, {}).get(image.bands, "")
    return mode if known else "", image.format == "ushort"


def _undamaged_strips(content: bytes, rows: int) -> Iterator[NDArray[np.uint16]]:
    """Yield strips of samples, and raise a ValueError at the end for damage that was warned of."""
    with vips_warnings() as warned:
        yield from vips_strips(pyvips.Image.tiffload_source, content, rows)
    for line in filter(_DAMAGE.search, warned):
        raise ValueError(line)


def _check_deflate(content: bytes, photo: TiffImageFile) -> None:
    """Raise a ValueError for a block packed by deflate that zlib cannot inflate.

    Only the blocks that libtiff reads are inflated, each as far as its pixels go: 16 strips of a
    picture of 16 x 16 pixels, all of them one block of 64 kB that inflates to 64 MB, took 4.4 s.
    """
    if photo.info.get("compression") not in _DEFLATE:
        return
    tags = photo.tag_v2
    blocks, most = _blocks_and_bytes(tags)
    most_packed = 2 * most + 1024  # so that blocks of nothing, shared by many rows, cost no time
    for offsets, lengths in _BLOCKS:
        places = zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        for number, (offset, length) in enumerate(islice(places, blocks)):
            try:
                block = memoryview(content)[offset : offset + min(length, most_packed)]
                size = _inflated_size(block, most)
            except zlib.error as error:
                raise ValueError(f"block {number}: {error}") from None
            if size > most:
                raise ValueError(f"block {number} inflates to more than its {most:,} bytes")


def _blocks_and_bytes(tags: Tags) -> tuple[int, int]:
    """Return how many strips or tiles a picture has, and the bytes of one at most.

    The last strip may have all the rows of the others. Raises a ValueError for tiles that are far
    larger than the picture.
    """
    width, height = _number(tags, Base.ImageWidth), _number(tags, Base.ImageLength)
    bands = _number(tags, Base.SamplesPerPixel)
    planes = bands if _number(tags, Base.PlanarConfiguration) == _BANDS_APART else 1
    tiled = Base.TileWidth in tags
    columns = _number(tags, Base.TileWidth) if tiled else width
    # Without the tag there is one strip.
    strip_rows = min(_number(tags, Base.RowsPerStrip, height), height)
    rows = _number(tags, Base.TileLength) if tiled else strip_rows
    if columns * rows > max(_MAX_TILE, (width + 15) * (height + 15)):
        raise ValueError(f"tiles of {columns} x {rows} pixels in a picture of {width} x {height}")
    bits = columns * (bands // planes) * _number(tags, Base.BitsPerSample)
    return -(-width // columns) * -(-height // rows) * planes, -(-bits // 8) * rows


def _number(tags: Tags, tag: int, default: int = 1) -> int:
    """Return the value of a tag, the largest of several, 1 at least."""
    value = tags.get(tag, default)
    return max(1, int(max(value) if isinstance(value, tuple) else value))


def _inflated_size(block: memoryview, most: int) -> int:
    """Inflate a block, a piece in memory at a time; return its bytes, or some more than `most`."""
    stream = zlib.decompressobj()
    left: memoryview | bytes = block
    size = 0
    while left and not stream.eof and size <= most:
        size += len(stream.decompress(left, min(_CHUNK, most + 1 - size)))
        left = stream.unconsumed_tail
    return size
