"""Pictures for the page: small, re-encoded (so no EXIF and no place it was taken), as data URIs."""

import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

# Longer side in pixels by how many pictures the page holds: about 9 KB each at 224, 2 KB at 96,
# so that 1,200 of them stay below 4 MB and a few look sharp on a fine screen.
SIDES = ((100, 224), (250, 160), (500, 128))
SMALLEST = 96
QUALITY = 82
SHADE = 0.5  # brightness where the model did not look


def thumbnails(paths: Sequence[str], image: Callable[[str], np.ndarray]) -> dict[str, str]:
    """Return a thumbnail of each path, smaller the more there are; image gives its pixels."""
    side = thumbnail_side(len(paths))
    return {path: thumbnail(image(path), side) for path in paths}


def overlays(
    paths: Sequence[str], maps: Mapping[str, np.ndarray], image: Callable[[str], np.ndarray]
) -> dict[str, str]:
    """Return the picture of `overlay` for each path that has a map."""
    found = [path for path in paths if path in maps]
    side = thumbnail_side(2 * len(paths))
    return {path: overlay(image(path), maps[path], side) for path in found}


def overlay(pixels: np.ndarray, places: np.ndarray, side: int) -> str:
    """Return where the model looked, as a JPEG data URI no larger than side.

    pixels: (H, W, 3) uint8; places: (h, w) from 0 to 1 over the centre square, which is all that
    the model sees. Places of 1 keep their colours, those of 0 and the edges turn grey and dark.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    small, square = np.asarray(image, np.float32), min(image.size)
    top, left = (image.height - square) // 2, (image.width - square) // 2
    light = np.zeros(small.shape[:2], np.float32)
    smooth = Image.fromarray(places.astype(np.float32)).resize(
        (square, square), Image.Resampling.BICUBIC
    )
    light[top : top + square, left : left + square] = np.sqrt(np.asarray(smooth).clip(0, 1))
    dark = SHADE * np.asarray(image.convert("L"), np.float32)
    lit = dark[..., None] + light[..., None] * (small - dark[..., None])
    return _jpeg(Image.fromarray(lit.round().astype(np.uint8)), side)


def thumbnail_side(pictures: int) -> int:
    """Return the longer side, pixels, that keeps a page with so many pictures small."""
    return next((side for most, side in SIDES if pictures <= most), SMALLEST)


def thumbnail(pixels: np.ndarray, side: int) -> str:
    """Return (H, W, 3) uint8 pixels as a JPEG data URI no larger than side; never enlarged."""
    return _jpeg(Image.fromarray(pixels), side)


def picture(path: Path, side: int) -> str:
    """Return a picture that another stage drew, as a JPEG data URI no larger than side."""
    with Image.open(path) as image:
        return _jpeg(image.convert("RGB"), side)


def _jpeg(image: Image.Image, side: int) -> str:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
