"""Pictures for the page as data URIs: small, and encoded anew, so without EXIF and its GPS."""

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

# Longer side in pixels and JPEG quality, the best first. Photographs take about 9 KB at 224 and
# 2 KB at 96, pictures full of noise four times as much.
LARGEST_THUMBNAIL = 224
_THUMBNAIL_SIZES = ((LARGEST_THUMBNAIL, 82), (160, 82), (128, 80), (96, 78), (72, 70), (48, 60))
_OVERLAY_SIZES = _THUMBNAIL_SIZES[1:]  # they stand beside their photo, half as large as a card
# Characters for all of them, so that the page stays below 5 MB.
THUMBNAIL_BUDGET = 2_700_000
_OVERLAY_BUDGET = 900_000
_QUALITY = 82  # of the JPEG
_DARK = 0.5  # brightness where the saliency is 0


def thumbnails(
    paths: Iterable[str],
    read_image: Callable[[str], np.ndarray],
    budget: int = THUMBNAIL_BUDGET,
) -> dict[str, str]:
    """Return a data URI for each path, in the best size at which all together fit the budget.

    paths: each as often as the page has its picture. read_image: path -> (H, W, 3) uint8. budget:
    characters; where even the smallest size exceeds it, that size is taken.
    """
    return _within_budget(
        paths, lambda path, *size: thumbnail(read_image(path), *size), _THUMBNAIL_SIZES, budget
    )


def overlays(
    paths: Iterable[str],
    saliency_maps: Mapping[str, np.ndarray],
    read_image: Callable[[str], np.ndarray],
) -> dict[str, str]:
    """Return the saliency overlay of each path that has a map, sized as `thumbnails` does it."""
    return _within_budget(
        [path for path in paths if path in saliency_maps],
        lambda path, *size: overlay(read_image(path), saliency_maps[path], *size),
        _OVERLAY_SIZES,
        _OVERLAY_BUDGET,
    )


def _within_budget(
    paths: Iterable[str],
    encode: Callable[[str, int, int], str],
    sizes: Sequence[tuple[int, int]],
    budget: int,
) -> dict[str, str]:
    uses = Counter(paths)
    uris: dict[str, str] = {}
    for side, quality in sizes:
        uris = {}
        length = 0
        for path in sorted(uses):
            uris[path] = encode(path, side, quality)
            length += uses[path] * len(uris[path])
            if length > budget and (side, quality) != sizes[-1]:
                break
        else:
            break
    return uris


def overlay(pixels: np.ndarray, saliency: np.ndarray, side: int, quality: int = _QUALITY) -> str:
    """Return the saliency overlay of a photo, as a JPEG data URI no larger than side.

    pixels: (H, W, 3) uint8; saliency: (h, w) from 0 to 1 over the centre square, which is all that
    the model gets. Where it is 1 colours stay; where it is 0, and outside, they turn grey and dark.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    small = np.asarray(image, np.float32)
    square = min(image.size)
    top = (image.height - square) // 2
    left = (image.width - square) // 2
    light = np.zeros(small.shape[:2], np.float32)
    smooth = Image.fromarray(saliency.astype(np.float32)).resize(
        (square, square), Image.Resampling.BICUBIC
    )
    light[top : top + square, left : left + square] = np.sqrt(np.asarray(smooth).clip(0, 1))
    dark = _DARK * np.asarray(image.convert("L"), np.float32)
    lit = dark[..., None] + light[..., None] * (small - dark[..., None])
    return _jpeg_uri(Image.fromarray(lit.round().astype(np.uint8)), side, quality)


def thumbnail(pixels: np.ndarray, side: int, quality: int = _QUALITY) -> str:
    """Return (H, W, 3) uint8 pixels as a JPEG data URI no larger than side; never enlarged."""
    return _jpeg_uri(Image.fromarray(pixels), side, quality)


def sheet_uri(path: Path, side: int) -> str:
    """Return a picture that another stage drew, as a JPEG data URI no larger than side.

    Only its pixels go on: Pillow would write a comment of the one file into the other.
    """
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return thumbnail(pixels, side)


def _jpeg_uri(image: Image.Image, side: int, quality: int) -> str:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
