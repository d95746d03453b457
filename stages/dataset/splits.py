"""Which images train and which validate: a split that stays put while the set around it changes.

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
from stages.base.files import write_csv
from stages.base.params import Section

SIDES = ("train", "valid")
SPLIT_COLUMNS = ["path", "label", "split", "reason"]


class SplitParams(Section):
    """How images are divided between training and validation."""

    by: Literal["hash", "stratified", "column", "folder"]
    valid: float = Field(gt=0, lt=1)  # fraction for validation; column and folder do without


class DatablockParams(Section):
    """The section `datablock` of params.yaml."""

    split: SplitParams


def assign_splits(images: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """Return path, label, split (train, valid or excluded) and reason, sorted by path.

    images has the columns path, label, sha256, group (of near-duplicates) and split (as given by
    the labels, "" where nothing is given). Raises UserError when the given sides are incomplete.
    """
    images = images.sort_values("path", ignore_index=True)
    valid = _validates(images, params)
    reason = _repeats(images, valid)
    side = valid.map({True: "valid", False: "train"}).mask(reason != "", "excluded")
    return images[["path", "label"]].assign(split=side.astype(str), reason=reason)


def list_class_names(splits: pd.DataFrame) -> list[str]:
    """Return the classes in the order of the model's outputs: every label, sorted."""
    return sorted(splits["label"].unique())


def write_splits(path: Path, splits: pd.DataFrame) -> None:
    """Write data/splits.csv."""
    write_csv(path, splits[SPLIT_COLUMNS])


def read_splits(path: Path) -> pd.DataFrame:
    """Return data/splits.csv as text throughout: labels such as NA and 007 stay what they are."""
    try:
        # With lineterminator, a carriage return in a file name is a character like any other.
        return pd.read_csv(path, dtype=str, na_filter=False, lineterminator="\n")[SPLIT_COLUMNS]
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro datablock makes it") from None


def _validates(images: pd.DataFrame, params: SplitParams) -> pd.Series:
    if params.by == "hash":
        return images["sha256"].map(_position).lt(params.valid)
    if params.by == "stratified":
        # By the smallest hash of a group: near-duplicates fall together, so none is lost to the
        # split, and a class of one group trains.
        digits = images["sha256"].str[8:].groupby(images["group"]).transform("min")
        smallest = digits.groupby(images["label"]).transform(_smallest, valid=params.valid)
        return smallest.astype(bool)
    return _as_given(images, params.by)


def _position(sha256: str) -> float:
    """Return where a file stands between 0 and 1.

    The first 8 digits choose the shard in the store; these are others, so that every shard holds
    both sides. 13 digits are 52 bits, which a float keeps exactly.
    """
    return int(sha256[8:21], 16) / 16**13


def _smallest(hashes: pd.Series, valid: float) -> pd.Series:
    """Mark about `valid` of one class, one group at least; equal hashes fall together.

    The group with the largest hash always stays, so a class that validates also trains.
    """
    wanted = max(1, round(valid * len(hashes)))
    bar = hashes.sort_values().iloc[wanted - 1]
    return hashes.le(bar) & hashes.lt(hashes.max())


def _as_given(images: pd.DataFrame, by: str) -> pd.Series:
    given = images["split"] if by == "column" else images["path"].map(_folder_side)
    wrong = given[~given.isin(SIDES)]
    if by == "column" and len(wrong) and (given == "").all():
        raise UserError(
            "datablock.split.by is column, but the labels come without train or valid: "
            "set ingest.label.split_column to the column of ingest.label.csv that says so"
        )
    if len(wrong):
        where = "the split column" if by == "column" else "one folder of the path"
        raise error_list(
            f"datablock.split.by is {by}, so {where} must say train or valid; "
            f"{len(wrong)} of {len(images)} images differ:",
            list(images["path"][wrong.index] + ": " + wrong.replace("", "neither")),
        )
    return given.eq("valid")


def _folder_side(path: str) -> str:
    """Return the side that the folders of a path name, several or none as they are."""
    return " and ".join(sorted(set(PurePosixPath(path).parent.parts) & set(SIDES)))


def _repeats(images: pd.DataFrame, valid: pd.Series) -> pd.Series:
    """Return why an image may not train ("" when it may): the first validation image it repeats."""
    held = images[valid]
    same = images["sha256"].map(held.drop_duplicates("sha256").set_index("sha256")["path"])
    alike = images["group"].map(held.drop_duplicates("group").set_index("group")["path"])
    reason = pd.Series("", index=images.index, dtype=str)
    reason = reason.mask(alike.notna(), "near-duplicate of " + alike.astype(str))
    reason = reason.mask(same.notna(), "exact duplicate of " + same.astype(str))
    return reason.mask(valid, "")
