"""Balance: how often an epoch of training draws each class, and what that does to its log odds."""

from typing import Literal

import numpy as np

BalanceName = Literal["none", "sqrt", "full"]
_POWERS = {"none": 1.0, "sqrt": 0.5, "full": 0.0}


def class_shares(counts: np.ndarray, balance: BalanceName) -> np.ndarray:
    """Return the share of each class in an epoch, (C,), from how many images they have.

    none: as they are; sqrt: as the roots of their counts; full: all alike. A class without images
    has none.

    >>> class_shares(np.array([90, 10, 0]), "sqrt").round(2).tolist()
    [0.75, 0.25, 0.0]
    """
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** _POWERS[balance], 0.0)
    shares: np.ndarray = weights / max(1.0, weights.sum())
    return shares


def log_ratios(targets: np.ndarray, classes: int, balance: BalanceName) -> np.ndarray | None:
    """Return the logarithm of each class's share in an epoch by that in the training images, (C,).

    targets: class numbers (N,). 0 for a class without images; None where nothing is balanced.
    """
    if balance == "none":
        return None
    counts = np.bincount(targets, minlength=classes)
    known = counts > 0
    ratios = np.zeros(classes)
    ratios[known] = np.log(
        class_shares(counts, balance)[known] / class_shares(counts, "none")[known]
    )
    return ratios


def draw_rows(
    targets: np.ndarray, balance: BalanceName, generator: np.random.Generator
) -> np.ndarray:
    """Return as many rows as there are targets (N,), by class, as often as the balance says.

    A class has the images of its share, rounded down or up by chance; its images are drawn equally
    often, or one of them once more.
    """
    images = len(targets)
    ends = np.cumsum(class_shares(np.bincount(targets), balance))
    # One random number for all classes rounds each fairly, and their sum is that of the images.
    places = np.minimum(ends / ends[-1] * images + generator.random(), images).astype(int)
    draws = np.diff(places, prepend=0)
    drawn = [
        _repeat(np.flatnonzero(targets == number), count, generator)
        for number, count in enumerate(draws.tolist())
        if count
    ]
    return np.concatenate(drawn)


def _repeat(rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return so many of the rows: each as often as the count allows, and some once more."""
    whole, rest = divmod(count, len(rows))
    return np.concatenate([np.tile(rows, whole), generator.permutation(rows)[:rest]])


def count_turns(rows: np.ndarray) -> np.ndarray:
    """Return how often each row stands before its place already, (N,).

    >>> count_turns(np.array([5, 3, 5, 5, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    turns = np.empty(len(rows), dtype=int)
    turns[order] = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    return turns
