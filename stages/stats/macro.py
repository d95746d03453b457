"""Macro scores: means over classes, as functions of how often each image was drawn (bootstrap)."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

Score = Literal["precision", "recall", "f1"]


def macro_statistic(
    score: Score, targets: np.ndarray, predicted: np.ndarray, class_count: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from how often each image was drawn, (D, V), to the macro score, (D,).

    targets, predicted: (V,) class numbers. The mean is over the classes that were drawn; the
    precision of a class that is never predicted counts as 0. Counts as floats are 20 times faster
    than whole numbers.
    """
    is_actual = class_membership(targets, class_count)
    is_predicted = class_membership(predicted, class_count)
    is_true_positive = is_actual * is_predicted

    def statistic(draws: np.ndarray) -> np.ndarray:
        true_positives: np.ndarray = is_true_positive @ draws.T  # this and the next two (C, D)
        actual: np.ndarray = is_actual @ draws.T
        named: np.ndarray = is_predicted @ draws.T
        denominators: dict[Score, np.ndarray] = {
            "precision": named,
            "recall": actual,
            "f1": (actual + named) / 2,
        }
        denominator = denominators[score]
        by_class = np.divide(
            true_positives, denominator, out=np.zeros(true_positives.shape), where=denominator > 0
        )
        present = actual > 0
        mean: np.ndarray = (present * by_class).sum(axis=0) / present.sum(axis=0)
        return mean

    return statistic


def class_membership(class_numbers: np.ndarray, class_count: int) -> csr_array:
    """Return which image belongs to which class, (C, V) of 0 and 1."""
    images = np.arange(len(class_numbers))
    ones = np.ones(len(class_numbers))
    return csr_array((ones, (class_numbers, images)), shape=(class_count, len(class_numbers)))
