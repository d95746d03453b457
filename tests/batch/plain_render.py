"""Rendering again, pixel by pixel and as plain as can be: the reference for the fast ones."""

import math

import numpy as np

from stages.batch.lighting import Lighting


def reflected(position: float, length: int) -> float:
    """Fold a position into the image, one reflection at a time."""
    while not 0 <= position <= length:
        position = -position if position < 0 else 2 * length - position
    return min(max(position, 0.5), length - 0.5)


def box_means(image: np.ndarray, factor: int) -> np.ndarray:
    """Return the mean of each whole cell of factor by factor pixels, in 0..1."""
    height = image.shape[0] // factor
    width = image.shape[1] // factor
    cells = np.zeros((height, width, 3))
    for i in range(height):
        for j in range(width):
            cell = image[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor]
            cells[i, j] = cell.reshape(-1, 3).mean(axis=0) / 255
    return cells


def plain_resample(image: np.ndarray, matrix: np.ndarray, size: int, factor: int) -> np.ndarray:
    """Resample pixel by pixel in float64: box average, reflection padding, bilinear weights."""
    cells = box_means(image, factor)
    height, width, _ = cells.shape
    out = np.zeros((size, size, 3))
    for i in range(size):
        for j in range(size):
            x, y, depth = matrix @ [(j + 0.5) * 2 / size - 1, (i + 0.5) * 2 / size - 1, 1]
            u = reflected(x / depth / factor, width) - 0.5
            v = reflected(y / depth / factor, height) - 0.5
            left = int(u)
            top = int(v)
            right = min(left + 1, width - 1)
            bottom = min(top + 1, height - 1)
            a = u - left
            b = v - top
            upper = (1 - a) * cells[top, left] + a * cells[top, right]
            lower = (1 - a) * cells[bottom, left] + a * cells[bottom, right]
            out[i, j] = (1 - b) * upper + b * lower
    return out


def plain_level(level: float, lighting: Lighting, image: int) -> float:
    """Return what a level in 0..1 becomes in the lighting of an image, in float64."""
    exposed = level * float(lighting.gain[image])
    brightness = float(lighting.brightness[image])
    contrast = float(lighting.contrast[image])
    if brightness == 0 and contrast == 1:
        return exposed
    p = min(max(exposed, 1e-4), 1 - 1e-4)
    return 1 / (1 + math.exp(-(math.log(p / (1 - p)) + brightness) * contrast))
