"""Smooth noise and smooth steps, for what is never quite even: ink, paper, light.

Pixels are reckoned by adding, multiplying and dividing in float32, which every processor rounds
alike. exp, sin and powers differ in their last bit from one to the next, so they stay out of
arrays of pixels: that is what lets the sample repeat to the byte.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float32]  # (height, width)


def cloud(shape: tuple[int, int], grain: int, rng: np.random.Generator) -> Plane:
    """Return smooth noise in 0..1 whose spots are about `grain` pixels wide."""
    height, width = (side // grain + 2 for side in shape)
    coarse = Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
    fine = coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(fine, np.float32) / np.float32(255)


def soft_step(x: Plane) -> Plane:
    """Return 0 below x = 0, 1 above x = 1, and a smooth way up between.

    >>> soft_step(np.float32([-1, 0.5, 2])).tolist()
    [0.0, 0.5, 1.0]
    """
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
