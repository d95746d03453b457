"""Imbalance: how unequal classes are, what answering the largest gives, and agreement by kappa."""

from collections.abc import Callable

import numpy as np

from stages.stats.effective_images import share_interval
from stages.stats.intervals import Interval, bootstrap
from stages.stats.macro import class_membership

# Of the largest class's training images to the smallest's, from which on accuracy alone misleads.
UNEQUAL = 5


def is_unequal(train_counts: np.ndarray) -> bool:
    """Return whether the largest class has at least five times the smallest's images, (C,).

    A class without images counts as one with a single image.

    >>> is_unequal(np.array([10, 50])), is_unequal(np.array([10, 49]))
    (True, False)
    """
    return int(train_counts.max(initial=0)) >= UNEQUAL * max(1, int(train_counts.min()))


def largest_class_error(
    train_counts: np.ndarray, targets: np.ndarray, groups: np.ndarray | None = None
) -> Interval:
    """Return the error of always answering the class with most training images; ties: the first."""
    return share_interval(targets != train_counts.argmax(), groups)


def kappa(
    targets: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    generator: np.random.Generator,
    groups: np.ndarray | None = None,
) -> Interval:
    """Return Cohen's kappa (1960): agreement with the labels beyond that of chance, up to 1.

    The interval is of images drawn again, and reaches at least as far as that of the accuracy,
    scaled: resampling cannot show mistakes that no image made. No value where chance agrees always.
    """
    statistic = kappa_statistic(targets, predicted, classes)
    images = len(targets)
    by_chance = float(_chance(np.ones((1, images)), targets, predicted, classes)[0])
    if not images or by_chance >= 1:
        return Interval(None, -1.0, 1.0)
    resampled = bootstrap(statistic, images, generator, groups=groups)
    share = share_interval(targets == predicted, groups)
    ends = [(end - by_chance) / (1 - by_chance) for end in (share.low, share.high)]
    return Interval(
        resampled.value,
        max(-1.0, min(resampled.low, ends[0])),
        min(1.0, max(resampled.high, ends[1])),
    )


def kappa_statistic(
    targets: np.ndarray, predicted: np.ndarray, classes: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from how often each image was drawn, (D, V), to kappa, (D,)."""
    right = (targets == predicted).astype(float)

    def statistic(draws: np.ndarray) -> np.ndarray:
        agreement = draws @ right / draws.sum(axis=1)
        by_chance = _chance(draws, targets, predicted, classes)
        kappas: np.ndarray = (agreement - by_chance) / np.maximum(1 - by_chance, 1e-12)
        return kappas

    return statistic


def _chance(
    draws: np.ndarray, targets: np.ndarray, predicted: np.ndarray, classes: int
) -> np.ndarray:
    """Return how often label and prediction would agree if they had nothing in common, (D,)."""
    actual = class_membership(targets, classes) @ draws.T  # and the next, (C, D)
    named = class_membership(predicted, classes) @ draws.T
    shares: np.ndarray = (actual * named).sum(axis=0) / np.maximum(draws.sum(axis=1), 1) ** 2
    return shares
