"""Several tests at once: p-values adjusted so that the family-wise error rate stays at 5 %."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted by Holm's step-down method (1979), in the order given.

    The smallest is multiplied by their number, the next by one less, and none may fall below one
    before it; each may then be compared with 5 % by itself.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p_values, dtype=float)
    order = np.argsort(raw, kind="stable")
    stepped_down = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty(len(raw))
    adjusted[order] = np.minimum(stepped_down, 1.0)
    return [float(p) for p in adjusted]
