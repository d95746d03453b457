"""The split: which images train, validate and test, stable while the set around it changes.

By default the side of an image follows from its own bytes alone. So no image enters or leaves
validation because others came, went, moved or were relabelled, and the error rates of two commits
stay comparable. A training image that is the same picture as a validation or test image would make
that side too easy: it is excluded, with the reason, and so is a validation image that repeats a
test image.

The test set is sealed. splits.csv has its paths without their labels, and who reads that file does
not even see the paths. The labels are in test.csv, which no stage reads: make test-set opens it.
"""

from collections.abc import Sequence
from typing import get_args

import pandas as pd

from stages.base.errors import UserError, error_list
from stages.dataset.drawn_sides import hash_sides, stratified_sides
from stages.dataset.duplicates import SAME_KINDS, Kind, group_photos
from stages.dataset.folds import draw_folds, join_folds
from stages.dataset.split_params import DatablockParams, SplitParams
from stages.labels.sides import Side, folder_sides

_SIDES: tuple[Side, ...] = get_args(Side)


def assign_splits(
    images: pd.DataFrame, params: DatablockParams, duplicates: pd.DataFrame
) -> pd.DataFrame:
    """Return path, label, split (train, valid, test or excluded) and reason, sorted by path.

    images has the columns path, label, sha256, split (as given by the labels, "" where nothing is
    given) and group (as of `declared_groups`); duplicates is as of `find_duplicates`. By folds all
    images that are used train, and FOLD_COLUMNS stand behind the others. Raises UserError when the
    given sides are incomplete.
    """
    images = images.sort_values("path", ignore_index=True)
    side = _sides(images, params.split, duplicates)
    kinds = SAME_KINDS if params.near_duplicates == "exclude" else ("exact",)
    reason = _exclusion_reasons(images["path"], side, duplicates, kinds)
    split = side.mask(reason != "", "excluded")
    splits = images[["path", "label"]].assign(split=split.astype(str), reason=reason)
    if params.split.by != "folds":
        return splits
    fold = draw_folds(images, params.split.folds).where(splits["split"] == "train", "")
    return splits.assign(fold=fold, twin_folds=_twin_folds(splits, fold, duplicates, kinds))


def _twin_folds(
    splits: pd.DataFrame, fold: pd.Series, duplicates: pd.DataFrame, kinds: Sequence[Kind]
) -> pd.Series:
    """Return for each image the folds whose training leaves it out, as it repeats one there."""
    left_out: dict[str, list[int]] = {path: [] for path in splits["path"]}
    for number in sorted(int(name) for name in fold.unique() if name):
        side = splits["split"].mask(fold == str(number), "valid")
        repeats = _exclusion_reasons(splits["path"], side, duplicates, kinds) != ""
        for path in splits["path"][repeats & side.eq("train")]:
            left_out[path].append(number)
    return splits["path"].map(left_out).map(join_folds).astype(str)


def _sides(images: pd.DataFrame, params: SplitParams, duplicates: pd.DataFrame) -> pd.Series:
    """Return for each image its side, before any is excluded, (N,) str."""
    if params.by == "column":
        return _as_given(images)
    if params.by == "folder":
        return images["path"].map(folder_sides(images["path"].tolist())).astype(str)
    if params.by == "hash":
        return hash_sides(images, params.valid, params.test)
    if params.by == "folds":
        return hash_sides(images, 0, params.test)  # the folds divide what is left
    return stratified_sides(images, params.valid, params.test, duplicates)


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
    """Return why an image is excluded ("" when it is not): the image of another side it repeats.

    Training yields to validation and test, and validation to the test. Near-duplicates do not
    chain: an image is excluded for one that it is itself compared with, or a copy of its file is,
    even where that one is excluded as well. The nearest is named, of equally near ones the first.
    """
    first = group_photos(paths.tolist(), duplicates, ("exact",)).to_numpy()  # of equal files
    linked = duplicates[duplicates["kind"].isin(kinds) & duplicates["kind"].ne("exact")]
    there = linked[["path", "twin", "difference"]].set_axis(["first", "other", "near"], axis=1)
    back = linked[["twin", "path", "difference"]].set_axis(["first", "other", "near"], axis=1)
    itself = pd.DataFrame({"first": first, "other": first, "near": "-1"}).drop_duplicates()
    links = pd.concat([itself, there, back])
    twins = pd.DataFrame({"twin": paths, "other": first})

    def repeats(sides: Sequence[Side]) -> pd.Series:
        nearest = _nearest_twins(links, twins[side.isin(sides).to_numpy()])
        return pd.Series([nearest.get(path, "") for path in first], paths.index, dtype="str")

    reason = repeats(["valid", "test"]).where(side.eq("train"), "")
    return reason.mask(side.eq("valid"), repeats(["test"])).astype(str)


def _nearest_twins(links: pd.DataFrame, evaluation: pd.DataFrame) -> dict[str, str]:
    """Return path -> which image of the evaluation it repeats, and how nearly, in words.

    links: first, other, near (-1 of the same bytes); evaluation: twin, other (its equal file).
    """
    links = links.merge(evaluation, on="other")
    links = links.assign(near=links["near"].astype(float)).sort_values(["near", "twin"])
    nearest = links.drop_duplicates("first").set_index("first")
    differences = nearest["near"].map(" (difference {:.2f})".format).astype("str")  # if any
    near = "near-duplicate of " + nearest["twin"] + differences
    why = near.mask(nearest["near"] < 0, "exact duplicate of " + nearest["twin"])
    return {str(path): reason for path, reason in why.items()}
