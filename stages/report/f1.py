"""Macro F1 as a function of how often each image was drawn, as a bootstrap needs it."""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array


def f1_statistic(
    targets: np.ndarray, predicted: np.ndarray, classes: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from how often each image was drawn, (D, V), to the mean F1, (D,)."""
    of_class = [_indicator(places, classes) for places in (targets, predicted)]
    hits = of_class[0] * of_class[1]

    def statistic(drawn: np.ndarray) -> np.ndarray:
        true, actual, named = (member @ drawn.T for member in (hits, *of_class))  # each (C, D)
        f1 = 2 * true / np.maximum(actual + named, 1)
        present = actual > 0
        return (f1 * present).sum(axis=0) / present.sum(axis=0)

    return statistic


def _indicator(places: np.ndarray, classes: int) -> csr_array:
    """Return which image belongs to which class, (C, V) of 0 and 1."""
    images = np.arange(len(places))
    return csr_array((np.ones(len(places)), (places, images)), shape=(classes, len(places)))
