"""Image groups: which images show one person, object or scene, as numbers, and how many there are.

They are numbered from the names that datablock.split.group gives. Light on purpose (numpy alone),
as predictions.py is.
"""

from collections.abc import Mapping

import numpy as np


def number_groups(paths: np.ndarray, group_of: Mapping[str, str]) -> np.ndarray | None:
    """Return the number of each image's group, (N,) int64; an image without one is its own.

    group_of: path -> name, as in data/groups.csv. None where no two of the images share a group:
    they are independent then.
    """
    number_of: dict[tuple[bool, str], int] = {}
    numbers = []
    for path in paths.tolist():
        name = group_of.get(path, "")
        numbers.append(number_of.setdefault((bool(name), name or path), len(number_of)))
    return np.array(numbers, np.int64) if len(number_of) < len(numbers) else None


def count_groups(groups: np.ndarray | None) -> int | None:
    """Return how many groups there are; None where images are independent."""
    return None if groups is None else len(np.unique(groups))


def some_groups(groups: np.ndarray | None, rows: np.ndarray | slice) -> np.ndarray | None:
    """Return the groups of some rows, where there are any."""
    return None if groups is None else groups[rows]


def effective_groups(groups: np.ndarray) -> float:
    """Return how many groups of one size are worth as much, (sum m)^2 / sum m^2 of sizes m.

    >>> effective_groups(np.array([0, 0, 1, 1, 2, 2]))
    3.0
    """
    sizes = np.bincount(dense_groups(groups))
    return float(len(groups) ** 2 / np.sum(sizes.astype(float) ** 2))


def dense_groups(groups: np.ndarray) -> np.ndarray:
    """Return numbers without a gap for the same groups, (N,) int: for `np.bincount`.

    Some of the images keep the numbers of all, so most may be of groups that have none of them.
    They are sorted only where they must be, which takes ten times as long.

    >>> dense_groups(np.array([3, 3, 5])).tolist()
    [0, 0, 1]
    """
    if groups.max(initial=0) < 4 * len(groups):
        occupied = np.bincount(groups) > 0
        return groups if occupied.all() else (np.cumsum(occupied) - 1)[groups]
    numbers: np.ndarray = np.unique(groups, return_inverse=True)[1]
    return numbers
