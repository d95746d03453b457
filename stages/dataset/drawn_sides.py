"""Drawn sides: test, validation or training by hash, so that no image moves because of others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.dataset.duplicates import ALIKE_KINDS, group_photos
from stages.dataset.photo_groups import side_hashes
from stages.labels.sides import Side

_NUMBERS: Sequence[Side] = ("train", "valid", "test")


def hash_sides(images: pd.DataFrame, valid: float, test: float) -> pd.Series:
    """Return the side of each image by its own hash alone, (N,) str; images: sha256, group.

    The test set has the largest hashes and validation the smallest. So a larger or smaller test
    set takes its images from training and gives them back there: validation stays as it is.
    """
    fraction = side_hashes(images).map(_hash_fraction)
    numbers = np.select([fraction.ge(1 - test) & (test > 0), fraction.lt(valid)], [2, 1], 0)
    return _as_sides(pd.Series(numbers, images.index))


def stratified_sides(
    images: pd.DataFrame, valid: float, test: float, duplicates: pd.DataFrame
) -> pd.Series:
    """Return the side of each image by its hash within its class, (N,) str.

    images: path, label, sha256, group. What looks alike goes by the smallest hash of its group, so
    that a burst falls on one side and none of it is lost; a class that is one such group is divided
    by what is the same picture. A declared group goes by the hash of its name, as images of the
    class that most of it have.
    """
    paths = images["path"].tolist()
    same = group_photos(paths, duplicates).to_numpy()
    alike = group_photos(paths, duplicates, ALIKE_KINDS).to_numpy()
    divisible = pd.Series(alike).groupby(images["label"].to_numpy()).transform("nunique") > 1
    grouped = images["group"] != ""
    unit = pd.Series(np.where(divisible, alike, same), images.index, dtype="str")
    unit = unit.radd("photo ").where(~grouped, images["group"].radd("group "))
    hashes = side_hashes(images).str[8:].groupby(unit).transform("min")
    label = images["label"].where(~grouped, images["group"].map(_main_labels(images)))
    numbers = hashes.groupby(label).transform(_numbers_of_class, valid=valid, test=test)
    return _as_sides(numbers.astype(int))


def _as_sides(numbers: pd.Series) -> pd.Series:
    return numbers.map(dict(enumerate(_NUMBERS))).astype(str)


def _hash_fraction(sha256: str) -> float:
    """Return a number in [0, 1) from digits 9 to 21 of the hash.

    The first 8 digits choose the shard in the store; these are others, so that every shard holds
    both sides. 13 digits are 52 bits, which a float represents exactly.
    """
    return int(sha256[8:21], 16) / 16**13


def _main_labels(images: pd.DataFrame) -> dict[str, str]:
    """Return group -> the label that most of its images have, of equally frequent ones the first.

    So a group of several classes is on one side as well.
    """
    counts = images.groupby(["group", "label"]).size().reset_index(name="images")
    counts = counts.sort_values(["images", "label"], ascending=[False, True])
    return dict(counts.drop_duplicates("group")[["group", "label"]].to_numpy().tolist())


def _numbers_of_class(hashes: pd.Series, valid: float, test: float) -> pd.Series:
    """Return the place in _NUMBERS of each image of one class; equal hashes fall together.

    About `test` of the class, the largest hashes, are its test, which leaves two units at least;
    about `valid`, the smallest, validate, which leaves one unit. So a class that validates also
    trains, and one of three units or more has all sides.
    """
    ordered = hashes.sort_values()
    units = ordered.unique()
    is_test = pd.Series(False, hashes.index)
    if test > 0 and len(units) > 2:
        first = ordered.iloc[-max(1, round(test * len(hashes)))]
        is_test = hashes.ge(first) & hashes.gt(units[1])
    last = ordered.iloc[max(1, round(valid * len(hashes))) - 1]
    is_valid = hashes.le(last) & hashes.lt(hashes[~is_test].max())
    return is_valid.astype(int).mask(is_test, 2)
