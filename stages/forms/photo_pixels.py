"""From a photo to the model's pixels by Pillow and numpy; the model card shows what follows."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def photo_pixels(file: str | Path | BytesIO, presize: int, size: int) -> np.ndarray:
    """Return the centre square (size, size, 3) float32, levels of RGB from 0 to 255."""
    photo = Image.open(file)
    photo.draft("RGB", (presize, presize))
    upright = ImageOps.exif_transpose(photo).convert("RGB")
    scale = min(1.0, presize / min(upright.size))
    width, height = (max(1, round(scale * side)) for side in upright.size)
    return centre_square(
        np.asarray(upright.resize((width, height), Image.Resampling.LANCZOS)), size
    )


def centre_square(presized: np.ndarray, size: int) -> np.ndarray:
    """Return the centre square of a photo (H, W, 3) uint8 that has been reduced already."""
    height, width = presized.shape[:2]
    side = min(width, height)
    factor = max(1, side // size)  # whole pixels that become one by their mean
    rows, columns = height // factor, width // factor
    blocks = presized[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, 3)
    square: np.ndarray = blocks.mean((1, 3), dtype=np.float32)
    steps = (np.arange(size) + 0.5) * side / size - side / 2  # from the centre
    for axis, length, last in ((0, height, rows - 1), (1, width, columns - 1)):
        places = np.clip((length / 2 + steps) / factor - 0.5, 0, last)
        before = places.astype(int)
        share = np.expand_dims((places - before).astype(np.float32), (1 - axis, 2))
        first = square.take(before, axis)
        square = first + (square.take(np.minimum(before + 1, last), axis) - first) * share
    return square
