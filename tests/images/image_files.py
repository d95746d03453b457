"""Files for the tests of decoding: pictures, saved or built byte by byte."""

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from stages.base.seed import derive
from stages.images.decode import Undecodable, decode

Tag = tuple[int, int, Sequence[int]]  # number, type (3: 16 bits, 4: 32 bits), values

# Kind of JPEG -> its mode, and how Pillow saves it.
JPEG_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("RGB", {}),
    "progressive": ("RGB", {"progressive": True}),
    "4:2:2": ("RGB", {"subsampling": "4:2:2"}),
    "4:4:4": ("RGB", {"subsampling": "4:4:4", "quality": 98}),
    "restarts": ("RGB", {"restart_marker_blocks": 3}),
    "grey": ("L", {}),
    "CMYK": ("CMYK", {}),
}


def smooth(width: int = 64, height: int = 48, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Return a smooth random picture."""
    bands = Image.getmodebands(mode)
    coarse = derive(seed, "smooth").integers(0, 256, (4, 5, bands)).astype(np.uint8)
    layers = [
        Image.fromarray(coarse[:, :, band]).resize((width, height), Image.Resampling.BICUBIC)
        for band in range(bands)
    ]
    return Image.merge(mode, layers) if bands > 1 else layers[0].convert(mode)


def grainy(width: int = 120, height: int = 90, seed: int = 1) -> Image.Image:
    """Return a picture with grain, as photos have, which no format packs well."""
    broad = np.asarray(smooth(width, height, seed=seed)).astype(float)
    grain = derive(seed, "grain").normal(0, 6, (height, width, 1))
    return Image.fromarray((broad + grain).clip(0, 255).astype(np.uint8))


def file_of(image: Image.Image, format_name: str, **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def tiff_directory(tags: Sequence[Tag], start: int) -> bytes:
    """Return a TIFF directory that lies at a place of a little-endian file, with its values."""
    entries = b""
    extra = b""
    beyond = start + 6 + 12 * len(tags)
    for number, kind, values in sorted(tags):
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            place = struct.pack("<I", beyond + len(extra))
            extra += packed
            packed = place
        entries += struct.pack("<HHI", number, kind, len(values)) + packed.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + bytes(4) + extra


def tiff_of(pixels: np.ndarray, *more: Tag) -> bytes:
    """Return an uncompressed little-endian TIFF of pixels (H, W) or (H, W, bands) and some tags.

    A tag given replaces the one of its number: grey or RGB, unsigned, 8 or 16 bits.
    """
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    data = np.ascontiguousarray(pixels).tobytes()
    tags: dict[int, Tag] = {
        256: (256, 4, [width]),
        257: (257, 4, [height]),
        258: (258, 3, [pixels.itemsize * 8] * bands),
        259: (259, 3, [1]),
        262: (262, 3, [1 if bands == 1 else 2]),
        273: (273, 4, [8]),
        277: (277, 3, [bands]),
        278: (278, 4, [height]),
        279: (279, 4, [len(data)]),
    }
    tags |= {tag[0]: tag for tag in more}
    start = 8 + len(data)
    return b"II*\0" + struct.pack("<I", start) + data + tiff_directory(list(tags.values()), start)


def damaged_copies(content: bytes, copies: int) -> Iterator[bytes]:
    """Yield copies with bits flipped, 60 bytes zeroed, or some lost, in turn."""
    for number in range(copies):
        draw = derive(number, "damage")
        place = int(draw.integers(0, len(content)))
        data = bytearray(content)
        match number % 3:
            case 0:
                for at in draw.integers(0, len(content), 8):
                    data[at] ^= 1 << int(draw.integers(0, 8))
            case 1:
                data[place : place + 60] = bytes(len(data[place : place + 60]))
            case 2:
                del data[place : place + int(draw.integers(1, 501))]
        yield bytes(data)


def pixels_of(content: bytes) -> np.ndarray:
    """Return the pixels (H, W, 3) of a file as decoded."""
    return np.asarray(decode(content).image)


def pixels_by_pillow(content: bytes) -> np.ndarray:
    """Return the pixels (H, W, 3) of a file without alpha as Pillow reads them."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def damage_counts(content: bytes, copies: int) -> tuple[int, int]:
    """Return how many damaged copies are refused, and how many are accepted and visibly wrong."""
    right = pixels_of(content)
    refused = 0
    wrong = 0
    for copy in damaged_copies(content, copies):
        try:
            wrong += visibly_wrong(pixels_of(copy), right)
        except Undecodable:
            refused += 1
    return refused, wrong


def visibly_wrong(found: np.ndarray, right: np.ndarray) -> bool:
    """Return whether more than 1 % of the pixels are off by more than 32 levels."""
    if found.shape != right.shape:
        return True
    off = abs(found.astype(int) - right).max(axis=2) > 32
    return bool(off.mean() > 0.01)
