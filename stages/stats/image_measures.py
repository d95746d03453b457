"""Measures of one image: its brightness, and its sharpness, which blur makes small.

Light on purpose (numpy and Pillow alone), since the processes that read photos measure too.
"""

import numpy as np
from PIL import Image


def brightness_and_sharpness(pixels: np.ndarray) -> tuple[float, float]:
    """Return the mean luma (0 to 1) and the deviation of its Laplacian, which blur makes small.

    After Pech-Pacheco et al. 2000. It compares images of one resolution, as presizing makes them.
    """
    luma = np.asarray(Image.fromarray(pixels).convert("L"), np.int16)
    if min(luma.shape) < 3:
        return float(luma.mean() / 255), 0.0
    neighbours = luma[1:-1, :-2] + luma[1:-1, 2:] + luma[:-2, 1:-1] + luma[2:, 1:-1]
    return float(luma.mean() / 255), float((neighbours - 4 * luma[1:-1, 1:-1]).std())
