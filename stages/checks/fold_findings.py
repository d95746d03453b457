"""Findings about folds: how large they are, what they cannot judge, and whom they would serve."""

from collections.abc import Iterator

import pandas as pd

from stages.base.plural import count_noun, join_names
from stages.checks.finding import Finding, error_finding, warning_finding
from stages.dataset.folds import fold_sides, is_validated, list_folds
from stages.dataset.split_advice import advise_split, suits_folds
from stages.dataset.split_params import SplitParams


def check_folds(images: pd.DataFrame, params: SplitParams) -> list[Finding]:
    """Return the findings; images: path, label, split, group and by folds FOLD_COLUMNS."""
    if params.by != "folds":
        return [*_offer_folds(images, params.folds), *_check_stratified(images, params)]
    return [
        *_check_need(images, params),
        *_describe(images),
        *_check_count(images, params),
        *_check_whole_set(images),
        *_check_classes(images),
    ]


def _offer_folds(images: pd.DataFrame, folds: int) -> Iterator[Finding]:
    """Yield that few images validate, where folds would make them several times as many."""
    valid = int(is_validated(images).sum())
    used = int(images["split"].isin(["train", "valid"]).sum())
    if valid > 0 and suits_folds(valid, used):
        yield warning_finding(
            "few_validation_images",
            f"only {count_noun(valid, 'image')} in validation, which tell little: "
            f"datablock.split.by: folds validates all {used:,}, each by a model that did not see "
            f"it, and trains {folds + 1} times (datablock.split.folds: {folds}, and the model that "
            "is kept)",
        )


_CLEARLY_ENOUGH = 1.25


def _check_need(images: pd.DataFrame, params: SplitParams) -> Iterator[Finding]:
    """Yield that folds are no longer needed, where the set has grown past those they are for."""
    used = int(images["split"].isin(["train", "valid"]).sum())
    valid = round(params.valid * used)
    # hash draws fewer than 60 of 298 images with a chance of one half, and of 375 below .03: the
    # next run would ask for folds again. With groups their number decides, not that of images.
    if not params.group and not suits_folds(round(valid / _CLEARLY_ENOUGH), used):
        yield Finding(
            "note",
            "folds_no_longer_needed",
            f"of {used:,} images about {valid:,} would validate without folds, which is enough to "
            "tell: datablock.split.by: hash, or stratified for small classes, trains once, and "
            f"folds {params.folds + 1} times",
        )


def _check_stratified(images: pd.DataFrame, params: SplitParams) -> Iterator[Finding]:
    """Yield that hash would do, where each class has grown large enough to be in validation."""
    used = images[images["split"].isin(["train", "valid"])]
    unit = used["group"].where(used["group"] != "", used["path"]) if params.group else used["path"]
    units = {str(label): int(n) for label, n in unit.groupby(used["label"]).nunique().items()}
    if params.by != "stratified" or min(units.values(), default=0) < 2:
        return
    advice = advise_split(
        units,
        len(used),
        drawn=int(unit.nunique()),
        valid=params.valid,
        folds=params.folds,
        unit="group" if params.group else "photo",
    )
    if advice.by == "hash":
        yield Finding(
            "note",
            "stratified_no_longer_needed",
            f"datablock.split.by: hash would do in place of stratified: {advice.reason}",
        )


def _describe(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield how many images are in each fold, and how many a fold's training leaves out."""
    sizes = images.loc[images["fold"] != "", "fold"].value_counts()
    if sizes.empty:
        return
    span = f"{sizes.min():,} to {sizes.max():,}"
    trainings = len(sizes) + 1
    yield Finding(
        "note",
        "folds",
        f"{count_noun(len(sizes), 'fold')} of {span} images, so {trainings} trainings: each image "
        "is validated by a model that was trained without its fold, and the model that is kept is "
        "trained on all of them",
    )
    if len(twins := images.loc[images["twin_folds"] != "", "path"]):
        yield Finding(
            "note",
            "same_picture_in_another_fold",
            f"{count_noun(len(twins), 'image')} the same picture as one in another fold, whose "
            "training it leaves (twin_folds in data/splits.csv)",
            tuple(twins),
        )


def _check_count(images: pd.DataFrame, params: SplitParams) -> Iterator[Finding]:
    """Yield that folds are empty: a hash draws the fold of each group, and few may miss one."""
    count = len(list_folds(images))
    if not 0 < count < params.folds:
        return
    unit = "image"
    drawn = int(images["fold"].ne("").sum())
    if params.group:
        unit = "group"
        groups = images.loc[images["fold"] != "", "group"]
        drawn = groups[groups != ""].nunique() + int(groups.eq("").sum())
    yield warning_finding(
        "empty_folds",
        f"{count_noun(count, 'fold')} in place of the {params.folds} of datablock.split.folds: the "
        f"hash of each {unit} draws its fold, and of {count_noun(drawn, unit)} none fell into the "
        f"{'other' if params.folds - count == 1 else 'others'}. Each fold that is left is larger, "
        f"and its model trains on less: add {unit}s, or try another datablock.split.folds",
    )


def _check_whole_set(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield the folds whose model would have nothing to tell apart."""
    classes_left = {
        number: images.loc[side == "train", "label"].nunique()
        for number, side in fold_sides(images).items()
    }
    if few := [f"fold {number}" for number, classes in classes_left.items() if classes < 2]:
        yield error_finding(
            "fold_without_training_images",
            f"without {join_names(few, ' or ')} the images are of less than two classes, so nothing"
            " can be trained to validate it: add photos, or set another datablock.split.folds",
        )


def _check_classes(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield the classes with all images in one fold: whoever validates them never saw the class."""
    if len(list_folds(images)) < 2:
        return
    used = images[images["fold"] != ""]
    folds = used.groupby("label")["fold"].nunique()
    if len(single := sorted(folds.index[folds == 1])):
        yield warning_finding(
            "class_in_one_fold",
            f"every image of {join_names([repr(label) for label in single])} is in one fold, so "
            "the model that validates them has never seen the class and is wrong each time: add "
            "photos of it",
        )
