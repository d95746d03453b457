"""Equal-mass bins: groups of about as many values each, bounded by quantiles."""

import numpy as np


def equal_mass_bins(values: np.ndarray, most_bins: int, least_values: int) -> np.ndarray:
    """Return the bin number of each value, (N,) int, rising with the value.

    There are at most `most_bins`, and so few that each should hold `least_values`. Equal values
    share a bin, so a bin may hold more, and a number may be left out.

    >>> equal_mass_bins(np.array([0.1, 0.9, 0.2, 0.8]), most_bins=5, least_values=2).tolist()
    [0, 1, 0, 1]
    """
    count = int(np.clip(len(values) // least_values, 1, most_bins))
    bounds = np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(bounds, values, side="right")
