"""The lookup table of lighting, and the numbers in which every renderer counts, by numpy alone.

Both kernels render by it: that of a processor (render_kernel.py) and that of a GPU
(device_kernel.py), whose machine may have no numba.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stages.batch.lighting import Lighting
from stages.batch.render_gpu import LOGIT_EPSILON

_Floats = NDArray[np.float32]
# Between two grey levels lighting is piecewise linear, with so many pieces; for the strongest
# lighting of params.yaml's defaults that is within a tenth of a level.
LIGHTING_PIECES = 16
# Fixed-point one: what the bilinear weights of four cells add up to, so fine that a view is within
# 1.5e-4 of a level.
WEIGHT_ONE = 1 << 23


def lighting_table(
    gain: float, brightness: float, contrast: float, epsilon: float = LOGIT_EPSILON
) -> _Floats:
    """Return the lookup table of lighting: what levels become, in 0..1.

    The levels are 0, 1/LIGHTING_PIECES, ... 255, and the last stands twice. By numpy, which has a
    vector form of tanh: 12 us where a loop of numba's took 65.
    """
    levels, logits = _levels_and_logits(epsilon)
    if gain != 1:
        levels = levels * np.float32(gain)
        logits = _logits(levels, epsilon)
    if brightness == 0 and contrast == 1:
        return levels
    table: _Floats = 0.5 + 0.5 * np.tanh((logits + brightness) * (contrast / 2))
    return table


def lighting_tables(lighting: Lighting, out: _Floats) -> None:
    """Fill out (B, levels) with the lookup tables of B images: what lighting_table returns of each.

    numpy lets other threads run meanwhile.
    """
    levels, logits = _levels_and_logits(LOGIT_EPSILON)
    gains = lighting.gain.astype(np.float32)[:, None]
    shifts = lighting.brightness.astype(np.float32)[:, None]
    np.add(logits, shifts, out=out)
    for row in np.flatnonzero(lighting.gain != 1):
        np.add(_logits(levels * gains[row], LOGIT_EPSILON), shifts[row], out=out[row])
    out *= (lighting.contrast / 2).astype(np.float32)[:, None]
    np.tanh(out, out=out)
    out *= np.float32(0.5)
    out += np.float32(0.5)
    linear = ~lighting.acts_on_logits
    out[linear] = levels * gains[linear]


@cache
def _levels_and_logits(epsilon: float) -> tuple[_Floats, _Floats]:
    """Return the levels in 0..1, and their logits, black and white cut at `epsilon`."""
    levels = np.append(np.arange(255 * LIGHTING_PIECES + 1) / (255 * LIGHTING_PIECES), 1.0)
    return levels.astype(np.float32), _logits(levels, epsilon).astype(np.float32)


def _logits(levels: np.ndarray, epsilon: float) -> np.ndarray:
    """Return the logits of levels in 0..1, cut at `epsilon` and 1 - `epsilon`, in their type."""
    clipped = levels.clip(epsilon, 1 - epsilon)
    logits: np.ndarray = np.log(clipped / (1 - clipped))
    return logits
