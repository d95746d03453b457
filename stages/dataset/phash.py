"""A perceptual hash: pictures that look alike get hashes that differ in few bits."""

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 64  # pixels of the grey thumbnail
LOW = 16  # frequencies kept on each axis: LOW * LOW bits


def phash(image: Image.Image) -> str:
    """Return 256 bits as 64 hex digits: which low frequencies are above their median."""
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    low = dctn(np.asarray(grey, dtype=np.float64), norm="ortho")[:LOW, :LOW]
    return np.packbits(low > np.median(low)).tobytes().hex()
