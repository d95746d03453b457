"""Folds: each image is validated once, by a model that was trained without its fold.

The fold of an image follows from its content, or the name of its group, and from nothing else. In
splits.csv all of these images train, as they do for the model that is kept; fold says which fold
validates an image, and twin_folds which other ones have the same picture, whose training it leaves.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.dataset.photo_groups import side_hashes

FOLD_COLUMNS = ["fold", "twin_folds"]  # of splits.csv, only where the split is by folds
_DIGITS = slice(21, 34)  # of the hash: others than those by which the shard and the test are drawn


def draw_folds(images: pd.DataFrame, count: int) -> pd.Series:
    """Return the fold of each image by its own hash alone, (N,) str from 1; images: sha256, group.

    The test set is drawn by other digits, so that a larger one takes images from all folds alike.
    """
    span = 16 ** (_DIGITS.stop - _DIGITS.start)
    return side_hashes(images).map(lambda sha256: str(1 + int(sha256[_DIGITS], 16) * count // span))


def is_validated(splits: pd.DataFrame) -> pd.Series:
    """Return which images of a split are validated, (N,) bool: valid, or in a fold."""
    valid = splits["split"] == "valid"
    return valid | splits["fold"].ne("") if "fold" in splits else valid


def list_folds(splits: pd.DataFrame) -> list[int]:
    """Return the numbers of the folds that have images, sorted; none where the split has none."""
    return sorted(int(fold) for fold in splits["fold"].unique() if fold) if "fold" in splits else []


def fold_sides(splits: pd.DataFrame) -> dict[int, np.ndarray]:
    """Return number -> the side of each image while that fold validates, (N,) str.

    The images of the fold are valid, those of its pictures in other folds excluded.
    """
    return {number: _sides_of(splits, number) for number in list_folds(splits)}


def first_fold_split(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the split while the first fold validates, or without folds the split itself."""
    first = next(iter(fold_sides(splits).values()), None)
    return splits if first is None else splits.assign(split=first)


def join_folds(numbers: Sequence[int]) -> str:
    """Return numbers of folds as twin_folds has them.

    >>> join_folds([2, 11])
    '2 11'
    """
    return " ".join(map(str, numbers))


def _sides_of(splits: pd.DataFrame, number: int) -> np.ndarray:
    twin = splits["twin_folds"].map(lambda folds: str(number) in folds.split())
    valid = splits["fold"] == str(number)
    return splits["split"].mask(twin, "excluded").mask(valid, "valid").to_numpy()
