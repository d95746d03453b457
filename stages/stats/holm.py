"""Several tests at once: p-values that keep the chance of even one false verdict at 5 %."""

from collections.abc import Sequence

import numpy as np


def holm(values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted by Holm's step-down method (1979), in the order given.

    The smallest is multiplied by their number, the next by one less, and none may fall below one
    before it; each may then be held against 5 % by itself.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(values, dtype=float)
    order = np.argsort(given, kind="stable")
    grown = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(grown, 1.0)
    return [float(p) for p in adjusted]
