"""The resample again, pixel by pixel and as plain as can be, to hold the fast ones against."""

import numpy as np


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return an image of noise, where every mistake shows."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def mirrored(position: float, length: int) -> float:
    """Fold a position into the image, one reflection at a time."""
    while not 0 <= position <= length:
        position = -position if position < 0 else 2 * length - position
    return min(max(position, 0.5), length - 0.5)


def plain_resample(image: np.ndarray, matrix: np.ndarray, size: int, factor: int) -> np.ndarray:
    """Resample pixel by pixel in float64: box average, reflection, bilinear weights."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    cells = np.zeros((height, width, 3))
    for i in range(height):
        for j in range(width):
            cell = image[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor]
            cells[i, j] = cell.reshape(-1, 3).mean(axis=0) / 255
    out = np.zeros((size, size, 3))
    for i in range(size):
        for j in range(size):
            x, y, w = matrix @ [(j + 0.5) * 2 / size - 1, (i + 0.5) * 2 / size - 1, 1]
            u = mirrored(x / w / factor, width) - 0.5
            v = mirrored(y / w / factor, height) - 0.5
            left, top = int(u), int(v)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            a, b = u - left, v - top
            upper = (1 - a) * cells[top, left] + a * cells[top, right]
            lower = (1 - a) * cells[bottom, left] + a * cells[bottom, right]
            out[i, j] = (1 - b) * upper + b * lower
    return out
