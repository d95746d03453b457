"""A perceptual hash: pictures that look alike have hashes that differ in few bits."""

import numpy as np
from PIL import Image

SIDE = 64  # pixels of the grey thumbnail
LOW = 16  # frequencies kept on each axis: 256 bits. stages/dataset/duplicates.py says why so many
# Grey levels of standard deviation. A blank picture has nothing to be alike by, only noise;
# the least of 1,099 pet photos has 18, the least of 1,008 photographed digits 10.
BLANK = 2.0
# The lowest frequencies of the discrete cosine transform, one a row. As whole numbers up to 2**14
# they leave every sum below 2**53, so it is exact, and the hash the same on every processor.
_HALF = np.sqrt(np.where(np.arange(LOW) == 0, 0.5, 1))[:, None]
_ANGLES = np.outer(np.arange(LOW), 2 * np.arange(SIDE) + 1) * np.pi / (2 * SIDE)
WAVES = np.rint(2**14 * _HALF * np.cos(_ANGLES))  # (LOW, SIDE)


def phash(image: Image.Image) -> str:
    """Return 64 hex digits, a bit for each low frequency above their median; "" for a blank.

    The frequencies are those of the discrete cosine transform, as in pHash (Zauner 2010).
    """
    grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    if grey.std() < BLANK:
        return ""
    low = WAVES @ grey @ WAVES.T
    return np.packbits(low > np.median(low)).tobytes().hex()
