"""Perceptual hash: similar pictures have hashes that differ in few bits."""

import numpy as np
from PIL import Image

GREY_SIDE = 64  # pixels of the grey thumbnail
FREQUENCIES = 16  # the lowest on each axis: 256 bits; stages/dataset/hash_groups.py says why
# Standard deviation in grey levels. A blank picture has nothing to compare, only noise;
# the least of 1,099 pet photos has 18, the least of 1,008 photographed digits 10.
_BLANK = 2.0
# The lowest frequencies of the discrete cosine transform, one per row. As whole numbers up to 2**14
# they leave every sum below 2**53, so it is exact, and the hash the same on every processor.
_NORMS = np.sqrt(np.where(np.arange(FREQUENCIES) == 0, 0.5, 1))[:, None]
_ANGLES = np.outer(np.arange(FREQUENCIES), 2 * np.arange(GREY_SIDE) + 1) * np.pi / (2 * GREY_SIDE)
COSINE_WAVES = np.rint(2**14 * _NORMS * np.cos(_ANGLES))  # (FREQUENCIES, GREY_SIDE)


def phash(image: Image.Image) -> str:
    """Return 64 hex digits, a bit for each low frequency above their median; "" for a blank.

    The frequencies are those of the discrete cosine transform, as in pHash (Zauner 2010).
    """
    small = image.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, np.float64)
    if grey.std() < _BLANK:
        return ""
    low = COSINE_WAVES @ grey @ COSINE_WAVES.T
    return np.packbits(low > np.median(low)).tobytes().hex()
