"""Probe curve: which images probes have wrong that were fitted on a part of the other images."""

import numpy as np

from stages.base.stored_array import Rows
from stages.stats.learning_curve import CURVE_SHARES
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import FOLDS, assign_folds


def probe_curve(
    features: Rows, targets: np.ndarray, groups: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return which images are wrong for each of CURVE_SHARES, (S, N) bool.

    Each image is predicted by a probe that was fitted without its fold, on a share of each class of
    the other folds; the images of a smaller share are among those of a larger. Groups stay or go as
    a whole, but for the last of a class: more photos will show new things, not the same ones again.
    """
    folds = assign_folds(targets, groups)
    _, group_of_row = np.unique(groups, return_inverse=True)
    order = generator.permutation(group_of_row.max(initial=-1) + 1)[group_of_row]
    wrong = np.ones((len(CURVE_SHARES), len(targets)), dtype=bool)
    for fold in range(FOLDS):
        test = folds == fold
        rest = np.flatnonzero(~test)
        if not test.any() or not len(rest):
            continue
        for row, share in enumerate(CURVE_SHARES):
            part = rest[thin_out(targets[rest], order[rest], share)]
            predicted = fit_probe(features[part], targets[part]).predict(features[test])
            wrong[row, test] = predicted != targets[test]
    return wrong


def thin_out(targets: np.ndarray, order: np.ndarray, share: float) -> np.ndarray:
    """Return which images stay, (N,) bool: that share of each class, first in order, at least one.

    targets: class numbers (N,). order: (N,), of which those are equal that belong together.
    """
    by_class = np.lexsort((order, targets))
    ordered = targets[by_class]
    place = np.empty(len(targets), dtype=int)  # within the class
    place[by_class] = np.arange(len(targets)) - np.searchsorted(ordered, ordered)
    sizes = np.bincount(targets)[targets]
    stays: np.ndarray = place < np.ceil(share * sizes)
    return stays
