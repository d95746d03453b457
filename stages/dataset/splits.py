"""The split: which images train and which validate, stable while the set around it changes.

By default the side of an image follows from its own bytes alone. So no image enters or leaves
validation because others came, went, moved or were relabelled, and the error rates of two commits
stay comparable. A training image that repeats a validation image would make validation too easy:
it is excluded, with the reason.
"""

from pathlib import Path, PurePosixPath
from typing import Literal

import pandas as pd
from pydantic import Field

from stages.base.errors import UserError, error_list
from stages.base.files import read_text_csv, write_csv
from stages.base.params import Section
from stages.dataset.manifest import SIDES

SPLIT_VALUES = [*SIDES, "excluded"]  # of the column split
SPLIT_COLUMNS = ["path", "label", "split", "reason"]


class SplitParams(Section):
    """How images are divided between training and validation."""

    by: Literal["hash", "stratified", "column", "folder"] = Field(
        description="what decides between training and validation",
        json_schema_extra={
            "hash": "of each file's content",
            "stratified": "by hash within each class",
            "column": "of the csv",
            "folder": "train/, valid/",
        },
    )
    valid: float = Field(
        gt=0, lt=1, description="fraction for validation; not used by column and folder"
    )


class DatablockParams(Section):
    """The section `datablock` of params.yaml."""

    split: SplitParams


def assign_splits(images: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """Return path, label, split (train, valid or excluded) and reason, sorted by path.

    images has the columns path, label, sha256, group (of near-duplicates) and split (as given by
    the labels, "" where nothing is given). Raises UserError when the given sides are incomplete.
    """
    images = images.sort_values("path", ignore_index=True)
    in_validation = _in_validation(images, params)
    reason = _exclusion_reasons(images, in_validation)
    split = in_validation.map({True: "valid", False: "train"}).mask(reason != "", "excluded")
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


def _in_validation(images: pd.DataFrame, params: SplitParams) -> pd.Series:
    """Return for each image whether it validates, (N,) bool."""
    if params.by == "hash":
        return images["sha256"].map(_hash_fraction).lt(params.valid)
    if params.by == "stratified":
        # By the smallest hash of a group: near-duplicates fall together, so none is lost to the
        # split, and a class of one group trains.
        digits = images["sha256"].str[8:].groupby(images["group"]).transform("min")
        smallest = digits.groupby(images["label"]).transform(_smallest_hashes, valid=params.valid)
        return smallest.astype(bool)
    return _as_given(images, params.by)


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


def _as_given(images: pd.DataFrame, by: Literal["column", "folder"]) -> pd.Series:
    """Return for each image whether its CSV row or its folder says valid; refuse other words."""
    given = images["split"] if by == "column" else images["path"].map(_folder_side)
    invalid = given[~given.isin(SIDES)]
    if by == "column" and len(invalid) and (given == "").all():
        raise UserError(
            "datablock.split.by is column, but the labels come without train or valid: "
            "set ingest.label.split_column to the column of ingest.label.csv that says so"
        )
    if len(invalid):
        where = "the split column" if by == "column" else "one folder of the path"
        raise error_list(
            f"datablock.split.by is {by}, so {where} must say train or valid; "
            f"{len(invalid)} of {len(images)} images differ:",
            list(images["path"][invalid.index] + ": " + invalid.replace("", "neither")),
        )
    return given.eq("valid")


def _folder_side(path: str) -> str:
    """Return the side that the folders of a path name, several or none as they are."""
    return " and ".join(sorted(set(PurePosixPath(path).parent.parts) & set(SIDES)))


def _exclusion_reasons(images: pd.DataFrame, in_validation: pd.Series) -> pd.Series:
    """Return why an image may not train ("" when it may): the first validation image it repeats."""
    valid = images[in_validation]
    first_of_content = valid.drop_duplicates("sha256").set_index("sha256")["path"]
    first_of_group = valid.drop_duplicates("group").set_index("group")["path"]
    exact = images["sha256"].map(first_of_content)
    near = images["group"].map(first_of_group)
    reason = pd.Series("", index=images.index, dtype=str)
    reason = reason.mask(near.notna(), "near-duplicate of " + near.astype(str))
    reason = reason.mask(exact.notna(), "exact duplicate of " + exact.astype(str))
    return reason.mask(in_validation, "")
