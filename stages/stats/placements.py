"""Placements: the share of the images of the other side that each image is above, by a score."""

import numpy as np


def placements(of_class: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the share of the other side that each image is above, (N,); equal ones count half.

    of_class: (N,) bool. The mean over the class is its ROC area, and over the others one minus it
    (DeLong, DeLong and Clarke-Pearson 1988).

    >>> placements(np.array([True, True, False, False]), np.array([0.9, 0.4, 0.4, 0.1])).tolist()
    [1.0, 0.75, 0.25, 0.0]
    """
    placed = np.zeros(len(scores))
    for side in (of_class, ~of_class):
        against = np.sort(scores[~side])
        below = np.searchsorted(against, scores[side], "left")
        not_above = np.searchsorted(against, scores[side], "right")
        placed[side] = (below + not_above) / (2 * max(len(against), 1))
    return placed
