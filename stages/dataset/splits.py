"""The split: which images train and which validate, stable while the set around it changes.

By default the side of an image follows from its own bytes alone. So no image enters or leaves
validation because others came, went, moved or were relabelled, and the error rates of two commits
stay comparable. A training image that is the same picture as a validation image would make
validation too easy: it is excluded, with the reason. Images of the side test are in the table, and
nothing is trained or validated with them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from stages.base.errors import UserError, error_list
from stages.base.files import read_text_csv, write_csv
from stages.base.params import Section
from stages.dataset.duplicates import ALIKE_KINDS, SAME_KINDS, Kind, NearDuplicates, group_photos
from stages.labels.sides import Side, folder_sides

_SIDES: tuple[Side, ...] = get_args(Side)
SPLIT_VALUES = [*_SIDES, "excluded"]  # of the column split
SPLIT_COLUMNS = ["path", "label", "split", "reason"]


SplitRule = Literal["hash", "stratified", "column", "folder"]


class SplitParams(Section):
    """How images are divided between training and validation."""

    by: SplitRule = Field(
        description="what decides between training and validation",
        json_schema_extra={
            "hash": "of each file's content",
            "stratified": "by hash within each class",
            "column": "of the csv",
            "folder": "train/, valid/, test/",
        },
    )
    valid: float = Field(
        gt=0, lt=1, description="fraction for validation; not used by column and folder"
    )


class DatablockParams(Section):
    """The section `datablock` of params.yaml."""

    split: SplitParams
    near_duplicates: NearDuplicates = Field(
        description="training images that are the same picture as a validation image",
        json_schema_extra={
            "exclude": "keep them out of training",
            "warn": "name them only",
            "off": "look for equal files only",
        },
    )


def assign_splits(
    images: pd.DataFrame, params: DatablockParams, duplicates: pd.DataFrame
) -> pd.DataFrame:
    """Return path, label, split (train, valid, test or excluded) and reason, sorted by path.

    images has the columns path, label, sha256 and split (as given by the labels, "" where nothing
    is given); duplicates is as of `find_duplicates`. Raises UserError when the given sides are
    incomplete.
    """
    images = images.sort_values("path", ignore_index=True)
    side = _sides(images, params.split, duplicates)
    kinds = SAME_KINDS if params.near_duplicates == "exclude" else ("exact",)
    reason = _exclusion_reasons(images["path"], side, duplicates, kinds)
    split = side.mask(reason != "", "excluded")
    return images[["path", "label"]].assign(split=split.astype(str), reason=reason)


def list_class_names(splits: pd.DataFrame) -> list[str]:
    """Return the class names in the order of the model's outputs: every label once, sorted."""
    return sorted(splits["label"].unique())


def write_splits(path: Path, splits: pd.DataFrame) -> None:
    """Write data/splits.csv."""
    write_csv(path, splits[SPLIT_COLUMNS])


def read_splits(path: Path) -> pd.DataFrame:
    """Return data/splits.csv, all text: labels such as NA and 007 stay what they are."""
    try:
        return read_text_csv(path)[SPLIT_COLUMNS]
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro datablock makes it") from None


def _sides(images: pd.DataFrame, params: SplitParams, duplicates: pd.DataFrame) -> pd.Series:
    """Return for each image its side, before any is excluded, (N,) str."""
    if params.by == "column":
        return _as_given(images)
    if params.by == "folder":
        return images["path"].map(folder_sides(images["path"].tolist())).astype(str)
    if params.by == "hash":
        validates = images["sha256"].map(_hash_fraction).lt(params.valid)
    else:
        validates = _stratified(images, params.valid, duplicates)
    return validates.map({True: "valid", False: "train"}).astype(str)


def _stratified(images: pd.DataFrame, valid: float, duplicates: pd.DataFrame) -> pd.Series:
    """Return for each image whether it is in the fraction of its class that validates, (N,) bool.

    What looks alike goes by the smallest hash of its group, so that a burst falls on one side and
    none of it is lost. A class that is one such group is divided by what is the same picture.
    """
    paths = images["path"].tolist()
    same = group_photos(paths, duplicates).to_numpy()
    alike = group_photos(paths, duplicates, ALIKE_KINDS).to_numpy()
    divisible = pd.Series(alike).groupby(images["label"]).transform("nunique") > 1
    group = np.where(divisible, alike, same)
    digits = images["sha256"].str[8:].groupby(group).transform("min")
    smallest = digits.groupby(images["label"]).transform(_smallest_hashes, valid=valid)
    return smallest.astype(bool)


def _hash_fraction(sha256: str) -> float:
    """Return a number in [0, 1) from digits 9 to 21 of the hash.

    The first 8 digits choose the shard in the store; these are others, so that every shard holds
    both sides. 13 digits are 52 bits, which a float represents exactly.
    """
    return int(sha256[8:21], 16) / 16**13


def _smallest_hashes(hashes: pd.Series, valid: float) -> pd.Series:
    """Mark about `valid` of one class, one group at least; equal hashes fall together.

    The group with the largest hash always stays, so a class that validates also trains.
    """
    count = max(1, round(valid * len(hashes)))
    threshold = hashes.sort_values().iloc[count - 1]
    return hashes.le(threshold) & hashes.lt(hashes.max())


def _as_given(images: pd.DataFrame) -> pd.Series:
    """Return for each image the side that its CSV row says; refuse other words."""
    given = images["split"]
    invalid = given[~given.isin(_SIDES)]
    if len(invalid) and (given == "").all():
        raise UserError(
            "datablock.split.by is column, but the labels come without train or valid: "
            "set ingest.label.split_column to the column of ingest.label.csv that says so"
        )
    if len(invalid):
        raise error_list(
            "datablock.split.by is column, so the split column must say train, valid or test; "
            f"{len(invalid)} of {len(images)} images differ:",
            list(images["path"][invalid.index] + ": " + invalid.replace("", "nothing")),
        )
    return given


def _exclusion_reasons(
    paths: pd.Series, side: pd.Series, duplicates: pd.DataFrame, kinds: Sequence[Kind]
) -> pd.Series:
    """Return why an image may not train ("" when it may): the validation or test image it repeats.

    Near-duplicates do not chain: an image is excluded for one that it is itself compared with, or
    a copy of its file is. The nearest is named, of equally near ones the first.
    """
    first = group_photos(paths.tolist(), duplicates, ("exact",)).to_numpy()  # of equal files
    evaluates = side.isin(["valid", "test"]).to_numpy()
    evaluation = pd.DataFrame({"twin": paths, "other": first})[evaluates]
    linked = duplicates[duplicates["kind"].isin(kinds) & duplicates["kind"].ne("exact")]
    there = linked[["path", "twin", "difference"]].set_axis(["first", "other", "near"], axis=1)
    back = linked[["twin", "path", "difference"]].set_axis(["first", "other", "near"], axis=1)
    itself = pd.DataFrame({"first": first, "other": first, "near": "-1"}).drop_duplicates()
    links = pd.concat([itself, there, back]).merge(evaluation, on="other")
    links = links.assign(near=links["near"].astype(float)).sort_values(["near", "twin"])
    nearest = links.drop_duplicates("first").set_index("first")
    near = (
        "near-duplicate of " + nearest["twin"] + nearest["near"].map(" (difference {:.2f})".format)
    )
    why = near.mask(nearest["near"] < 0, "exact duplicate of " + nearest["twin"])
    reasons = why.to_dict()
    reason = pd.Series([reasons.get(path, "") for path in first], paths.index, dtype="str")
    return reason.where(side.eq("train"), "").astype(str)
