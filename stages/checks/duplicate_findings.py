"""Findings about duplicates: what was kept out of training, what only looks alike, whose labels."""

from collections.abc import Iterator, Sequence

import pandas as pd

from stages.base.plural import count_noun, join_names
from stages.checks.finding import Finding, warning_finding, worst_first
from stages.dataset.duplicates import MAX_ALIKE, MAX_COPIES, SAME_KINDS, Kind, group_photos
from stages.dataset.split_files import without_test
from stages.dataset.split_params import DatablockParams, SplitRule

_SHOWN = 3  # pairs or groups in one sentence; data/duplicates.csv has all
_LIST = "data/duplicates.csv has them all"
_BY_NAME = "datablock.split.group divides by name"
_APART: dict[SplitRule, str] = {
    "hash": "stratified has small groups on one side, and column or folder divides by day or place",
    "stratified": "column or folder divides by day or place",
    "column": "let the split column divide by day or place",
    "folder": "let the folders divide by day or place",
    "folds": "column or folder divides by day or place",
}


def check_duplicates(
    images: pd.DataFrame, duplicates: pd.DataFrame, params: DatablockParams
) -> list[Finding]:
    """Return the findings, warnings first.

    images: path, label, split and, by folds, FOLD_COLUMNS; duplicates: as of `find_duplicates`,
    of these images and others.
    """
    known = duplicates["path"].isin(images["path"]) & duplicates["twin"].isin(images["path"])
    pairs = duplicates[known]
    by_path = _sides(images)
    pairs = pairs.assign(side=pairs["path"].map(by_path), other=pairs["twin"].map(by_path))
    pairs = pairs.assign(parted=_parted(pairs, images))
    findings = [
        *_check_excluded(images),
        *_check_same_pictures(pairs),
        *_check_look_alikes(pairs, params.split.by),
        *_check_series(pairs, images, params.split.by),
        *_check_labels(without_test(images), pairs),
        *_check_training(images, pairs),
    ]
    return worst_first(findings)


def _sides(images: pd.DataFrame) -> pd.Series:
    """Return the side of each image by path: that of the split, or its fold."""
    by_path = images.set_index("path")
    if "fold" not in by_path:
        return by_path["split"]
    return by_path["split"].where(by_path["fold"] == "", "fold " + by_path["fold"])


def _parted(pairs: pd.DataFrame, images: pd.DataFrame) -> list[bool]:
    """Return which pairs are in two folds and yet on both sides of no training, by twin_folds."""
    if "twin_folds" not in images:
        return [False] * len(pairs)
    folds = pairs["path"].map(images.set_index("path")["twin_folds"])
    other = pairs["other"].str.removeprefix("fold ")
    return [name in text.split() for name, text in zip(other, folds, strict=True)]


def _check_excluded(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield which training images are the same picture as one that is not trained with."""
    excluded = images[images["split"] == "excluded"]
    if len(excluded):
        kept_out = "training and validation" if images["split"].eq("test").any() else "training"
        yield warning_finding(
            "duplicates_across_the_split",
            f"{count_noun(len(excluded), 'image')} kept out of {kept_out} as the same picture as "
            "one in validation or test; splits.csv names the twin of each, duplicates.csv how far "
            "their pixels differ (up to 1 is the same picture), and datablock.near_duplicates: "
            "warn would train with all but equal files",
            excluded["path"],
        )


def _check_same_pictures(pairs: pd.DataFrame) -> Iterator[Finding]:
    """Yield the same pictures on both sides, which nothing excludes."""
    both = pairs[pairs["kind"].isin(["exact", "same"]) & _across(pairs)]
    if len(both):
        yield warning_finding(
            "same_picture_on_both_sides",
            f"{count_noun(len(both), 'picture')} on two sides of the split: {_examples(both)}. The "
            f"error on the side that was not trained with will look too small; {_LIST}",
            _of_pairs(both),
            leak=_leak(both),
        )


def _leak(pairs: pd.DataFrame) -> str:
    """Return what is said of the same pictures that train and validate; "" without any.

    One with a picture of the test set stays in the summary: a sealed test set is not spoken of.
    """
    validated = pairs[pairs["side"].ne("test") & pairs["other"].ne("test")]
    if not len(validated):
        return ""
    return f"the same pictures train and validate: {_examples(validated)}"


def _check_look_alikes(pairs: pd.DataFrame, by: SplitRule) -> Iterator[Finding]:
    """Yield pairs across the split that look alike, as the shots of a burst do."""
    alike = pairs[pairs["kind"].eq("alike") & _across(pairs)]
    if len(alike):
        yield warning_finding(
            "look_alikes_across_the_split",
            f"{count_noun(len(alike), 'pair')} on two sides of the split that look alike without "
            f"surely being the same picture: {_examples(alike)}. None is excluded. If they are "
            "shots of one moment, or one picture cut or with a watermark, the error in validation "
            "will look too small: drop one of each in data/corrections.csv, or divide them "
            f"otherwise (datablock.split.by: {_APART[by]}; {_BY_NAME}); {_LIST}",
            _of_pairs(alike),
        )


def _check_series(pairs: pd.DataFrame, images: pd.DataFrame, by: SplitRule) -> Iterator[Finding]:
    """Yield the series: more alike photos than are surely copies, so none of them is excluded."""
    linked = pairs[pairs["kind"] == "series"]
    if linked.empty:
        return
    group = group_photos(images["path"].tolist(), linked, ("series",))
    sizes = group.groupby(group).transform("size")
    members = group[sizes > 1]
    names = [
        f"{first} and {count - 1:,} more"
        for first, count in members.value_counts(sort=False).items()
    ]
    yield warning_finding(
        "series",
        f"{len(members):,} images in {len(names):,} series of more than {MAX_ALIKE} that look "
        f"alike, as of a fixed camera or a product before one background: "
        f"{join_names(names, '; ', _SHOWN)}. None is excluded: they are not all one picture, or "
        f"more than {MAX_COPIES}, which are not compared, or most of the set is like that. Where "
        "they are copies after all, or shots follow each other closely, the error in validation "
        f"will look too small: datablock.split.by: {_APART[by]}; {_BY_NAME}",
        members.index.tolist(),
    )


def _check_labels(images: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[Finding]:
    """Yield the files, then the other pictures, whose copies have different labels."""
    files = _disagreeing(images, pairs, ("exact",))
    if len(files):
        groups = [_with_labels(group) for _, group in files.groupby("group", sort=False)]
        yield warning_finding(
            "equal_files_disagree",
            f"{count_noun(len(groups), 'file')} with different labels on equal copies of it, to the"
            f" byte: {join_names(groups, '; ', _SHOWN)}. At most one of two labels is right:"
            " correct the other in data/corrections.csv",
            files["path"],
        )
    copies = _disagreeing(images, pairs, SAME_KINDS)
    told = copies["path"].isin(files["path"]).groupby(copies["group"]).transform("any")
    copies = copies[~told]
    if len(copies):
        groups = [_with_labels(group) for _, group in copies.groupby("group", sort=False)]
        yield warning_finding(
            "duplicates_disagree",
            f"{count_noun(len(groups), 'picture')} with different labels on what looks like copies "
            f"of it: {join_names(groups, '; ', _SHOWN)}. If they are copies, one of two labels is "
            "wrong: correct it in data/corrections.csv",
            copies["path"],
        )


def _disagreeing(images: pd.DataFrame, pairs: pd.DataFrame, kinds: Sequence[Kind]) -> pd.DataFrame:
    """Return the images, with their group, whose copies of some kinds have several labels."""
    labels = images.assign(group=group_photos(images["path"].tolist(), pairs, kinds).to_numpy())
    several = labels.groupby("group")["label"].transform("nunique") > 1
    return labels[several].sort_values("path")


def _check_training(images: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[Finding]:
    """Yield how many training images are the same picture as another one there."""
    train = images[images["split"] == "train"]
    group = group_photos(train["path"].tolist(), pairs)
    repeated = group.index[group.duplicated()]
    if len(repeated):
        labels = train.set_index("path")["label"]
        disagree = int(labels.groupby(group).nunique().gt(1).sum())
        equal = group_photos(train["path"].tolist(), pairs, ("exact",))
        # Of pictures, each with equal files under several labels.
        files = labels.groupby(equal).nunique().gt(1)
        sure = group[equal.isin(files.index[files])].nunique()
        verb = "is" if len(repeated) == 1 else "are"
        yield Finding(
            "note",
            "duplicates_in_training",
            f"{count_noun(len(repeated), 'training image')} {verb} the same picture as another one"
            f" there, {_harm(disagree, sure)}",
            tuple(sorted(repeated)),
        )


def _harm(disagree: int, sure: int) -> str:
    """Return what copies in training do.

    disagree: pictures whose copies have several labels; sure: those of them with equal files.
    """
    if not disagree:
        return "with the same label, which does no harm"
    have = "has" if disagree == 1 else "have"
    condition = "" if sure == disagree else "where they are copies, "
    return (
        f"and {count_noun(disagree, 'picture')} {have} copies under several labels, of which"
        f" training learns all: {condition}at most one label is right"
    )


def _across(pairs: pd.DataFrame) -> pd.Series:
    """Return which pairs stand on two sides; what is excluded stands on none."""
    used = pairs["side"].ne("excluded") & pairs["other"].ne("excluded") & ~pairs["parted"]
    return used & pairs["side"].ne(pairs["other"])


def _examples(pairs: pd.DataFrame) -> str:
    """Return the first pairs, the nearest first."""
    nearest = pairs.sort_values("difference", key=lambda text: text.astype(float), kind="stable")
    names = [
        f"{path} ~ {twin}" for path, twin in zip(nearest["path"], nearest["twin"], strict=True)
    ]
    return join_names(names, ", ", _SHOWN)


def _of_pairs(pairs: pd.DataFrame) -> list[str]:
    """Return the images of pairs, both of each, once."""
    return sorted({*pairs["path"], *pairs["twin"]})


def _with_labels(images: pd.DataFrame) -> str:
    pairs = zip(images["path"], images["label"], strict=True)
    return join_names([f"{path} ({label})" for path, label in pairs], " ~ ", _SHOWN)
