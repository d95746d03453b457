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
    presized = np.asarray(upright.resize((width, height), Image.Resampling.LANCZOS), np.float32)
    side = min(width, height)
    factor = max(1, side // size)  # whole pixels that become one by their mean
    rows, columns = height // factor, width // factor
    blocks = presized[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, 3)
    steps = (np.arange(size) + 0.5) * side / size - side / 2  # from the centre
    weights = []
    for length, cells in ((height, rows), (width, columns)):
        places = np.clip((length / 2 + steps) / factor - 0.5, 0, cells - 1)
        weights.append(np.maximum(0, 1 - abs(places[:, None] - np.arange(cells))))
    square: np.ndarray = np.einsum(
        "yi,ijc,xj->yxc", weights[0], blocks.mean((1, 3)), weights[1], optimize=True
    )
    return square.astype(np.float32)
