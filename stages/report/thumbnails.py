"""Pictures for the page: small, re-encoded (so no EXIF and no place it was taken), as data URIs."""

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

# Longer side in pixels and JPEG quality, the best first. Photographs take about 9 KB at 224 and
# 2 KB at 96, pictures full of noise four times as much.
SIZES = ((224, 82), (160, 82), (128, 80), (96, 78), (72, 70), (48, 60))
BUDGET = 3_500_000  # characters for all thumbnails, so that the page stays below 5 MB


def thumbnails(shown: Iterable[str], image: Callable[[str], np.ndarray]) -> dict[str, str]:
    """Return a data URI for each path, in the best size at which all together fit the budget.

    shown: paths, each as often as the page has its picture. image: path -> (H, W, 3) uint8.
    """
    uses = Counter(shown)
    made: dict[str, str] = {}
    for side, quality in SIZES:
        made, length = {}, 0
        for path in sorted(uses):
            made[path] = thumbnail(image(path), side, quality)
            length += uses[path] * len(made[path])
            if length > BUDGET and (side, quality) != SIZES[-1]:
                break
        else:
            break
    return made


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
