"""Pictures for the page: small, re-encoded (so no EXIF and no place it was taken), as data URIs."""

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

# Longer side in pixels and JPEG quality, the best first. Photographs take about 9 KB at 224 and
# 2 KB at 96, pictures full of noise four times as much.
SIZES = ((224, 82), (160, 82), (128, 80), (96, 78), (72, 70), (48, 60))
OVERLAY_SIZES = SIZES[1:]  # they stand beside their photo, half as large as a card
# Characters for all of them, so that the page stays below 5 MB.
BUDGET, OVERLAY_BUDGET = 2_700_000, 900_000
SHADE = 0.5  # brightness where the model did not look


def thumbnails(shown: Iterable[str], image: Callable[[str], np.ndarray]) -> dict[str, str]:
    """Return a data URI for each path, in the best size at which all together fit the budget.

    shown: paths, each as often as the page has its picture. image: path -> (H, W, 3) uint8.
    """
    return _fitting(shown, lambda path, *size: thumbnail(image(path), *size), SIZES, BUDGET)


def overlays(
    shown: Iterable[str], maps: Mapping[str, np.ndarray], image: Callable[[str], np.ndarray]
) -> dict[str, str]:
    """Return the picture of `overlay` for each path that has a map, as `thumbnails` does."""
    found = [path for path in shown if path in maps]
    return _fitting(
        found,
        lambda path, *size: overlay(image(path), maps[path], *size),
        OVERLAY_SIZES,
        OVERLAY_BUDGET,
    )


def _fitting(
    shown: Iterable[str],
    draw: Callable[[str, int, int], str],
    sizes: Sequence[tuple[int, int]],
    budget: int,
) -> dict[str, str]:
    uses = Counter(shown)
    made: dict[str, str] = {}
    for side, quality in sizes:
        made, length = {}, 0
        for path in sorted(uses):
            made[path] = draw(path, side, quality)
            length += uses[path] * len(made[path])
            if length > budget and (side, quality) != sizes[-1]:
                break
        else:
            break
    return made


def overlay(pixels: np.ndarray, places: np.ndarray, side: int, quality: int = 82) -> str:
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
    return _jpeg(Image.fromarray(lit.round().astype(np.uint8)), side, quality)


def thumbnail(pixels: np.ndarray, side: int, quality: int = 82) -> str:
    """Return (H, W, 3) uint8 pixels as a JPEG data URI no larger than side; never enlarged."""
    return _jpeg(Image.fromarray(pixels), side, quality)


def picture(path: Path, side: int) -> str:
    """Return a picture that another stage drew, as a JPEG data URI no larger than side."""
    with Image.open(path) as image:
        return _jpeg(image.convert("RGB"), side, 82)


def _jpeg(image: Image.Image, side: int, quality: int) -> str:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
