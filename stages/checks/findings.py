"""Findings: all faults of a set of images, before anything is trained.

fastai's DataBlock.summary checks four items and stops at the first exception. These checks cover
every image and never stop. Advice follows the rule of the split: what it does already is no advice.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from stages.base.plural import count_noun, join_names
from stages.checks.finding import (
    Finding,
    error_finding,
    warning_finding,
    worst_first,
)
from stages.dataset.split_files import SPLIT_VALUES, without_test
from stages.dataset.split_params import SplitRule
from stages.labels.label_text import look_alike_key

_MIN_TRAIN_IMAGES = 5  # below which a class is hardly learned
_MAX_IMBALANCE = 10  # times that the largest class may exceed the smallest
_MAX_ASPECT_RATIO = 3  # long side by short side: the centre square then shows a third or less
_MAX_SPELLINGS = 5  # sets of labels that differ by case or spaces, in one sentence

# What to do about a side or a class without images. No advice is what the params do already.
_STRATIFY = ", or set datablock.split.by to stratified"
_MORE_TRAINING: dict[SplitRule, str] = {
    "hash": "lower datablock.split.valid, or add photos",
    "stratified": "lower datablock.split.valid, or add photos",
    "column": "write train into more rows of ingest.label.split_column",
    "folder": "move photos into the folder of the training images",
    "folds": "add photos",
}
_MORE_VALIDATION: dict[SplitRule, str] = {
    "hash": f"raise datablock.split.valid, add photos{_STRATIFY}",
    "stratified": "add photos: no class has two that are not alike",
    "column": "write valid into some rows of ingest.label.split_column",
    "folder": "move some photos into the folder of the validation images",
    "folds": "add photos",
}
_TRAIN_CLASS: dict[SplitRule, str] = {
    "hash": f"add photos of it{_STRATIFY},",
    "stratified": "add photos of it,",
    "column": "write train into some of its rows of ingest.label.split_column,",
    "folder": "move some of its photos into the folder of the training images,",
    "folds": "add photos of it,",
}
_VALIDATE_CLASS: dict[SplitRule, str] = {
    "hash": f"add photos of it{_STRATIFY}",
    "stratified": "add photos of it, since those that there are look alike or are a single one",
    "column": "write valid into some of its rows of ingest.label.split_column",
    "folder": "move some of its photos into the folder of the validation images",
    "folds": "add photos of it",
}


def count_classes(splits: pd.DataFrame) -> pd.DataFrame:
    """Return label, train, valid and excluded: the images of each class, sorted by label.

    Where images are set aside for a test, there is a column test too. By folds there is none for
    valid: all images that train are validated.
    """
    counts = pd.crosstab(splits["label"], splits["split"])
    absent = {"test"} - set(counts) | ({"valid"} if "fold" in splits else set())
    used = [split for split in SPLIT_VALUES if split not in absent]
    counts = counts.reindex(columns=used, fill_value=0)
    return counts.rename_axis(columns=None).reset_index()


def check_images(
    images: pd.DataFrame, size: int, by: SplitRule, blank: Sequence[str] = ()
) -> list[Finding]:
    """Return all findings, errors first.

    images has path, label, split, width, height (as presized); size is the side in pixels that the
    model sees, by the rule of the split, blank the paths of `blank_images`. Of the test images the
    classes are counted, and nothing more.
    """
    classes = count_classes(images)
    findings = [
        *_check_sides(classes, by),
        *_check_classes(classes, by),
        *_check_label_spelling(classes["label"].tolist()),
        *_check_shapes(without_test(images), size),
        *_check_blank(blank),
    ]
    return worst_first(findings)


def blank_images(index: pd.DataFrame, image: Callable[[str], np.ndarray]) -> list[str]:
    """Return the images of hardly more than one colour: standard deviation below 3 of 255.

    Only images that compress to next to nothing are decoded: one colour as a JPEG of quality 92
    takes 300 to 750 bytes and up to 0.03 a pixel more, with a gradient or noise 0.06. So this is
    almost free, and finds nothing in a store of raw pixels.
    """
    small = index["length"] < 1200 + 0.06 * index["width"] * index["height"]
    return [path for path in index["path"][small] if image(path).std(axis=(0, 1)).max() < 3]


def _check_sides(classes: pd.DataFrame, by: SplitRule) -> Iterator[Finding]:
    """Yield what the whole set lacks: images, a side of the split, a second class."""
    if classes.empty:
        yield error_finding(
            "no_images", "there is no image with a label: see what ingest and presize say"
        )
        return
    if not classes["train"].any():
        yield error_finding(
            "no_training_images",
            f"no image is left to train with: {_MORE_TRAINING[by]}",
        )
    if not (validated := _validated(classes)).any():
        yield error_finding(
            "no_validation_images",
            f"no image is left to validate with: {_MORE_VALIDATION[by]}",
        )
    else:
        yield _precision_note("precision", "validation", int(validated.sum()))
    if "test" in classes and classes["test"].any():
        yield _precision_note("test_precision", "test", int(classes["test"].sum()))
    if len(classes) == 1:
        yield error_finding(
            "one_class",
            f"every image is labelled {classes['label'][0]!r}, and it takes two classes to tell "
            "apart: check ingest.label, or add photos of something else",
        )


def _validated(classes: pd.DataFrame) -> pd.Series:
    """Return how many images of each class are validated, (C,)."""
    return classes["valid"] if "valid" in classes else classes["train"]


def _precision_note(check: str, side: str, number: int) -> Finding:
    """Return the 95 % interval that an error rate of 5 % will have (normal approximation)."""
    points = 196 * np.sqrt(0.05 * 0.95 / number)
    images = count_noun(number, f"{side} image")
    low, high = max(0.0, 5 - points), 5 + points
    message = (
        f"with {images}, where the model errs on 5 % of them, its true error rate probably lies"
        f" between {low:.1f} and {high:.1f} %"
    )
    return Finding("note", check, message)


def _check_classes(classes: pd.DataFrame, by: SplitRule) -> Iterator[Finding]:
    """Yield what single classes lack on a side of the split, and how unequal they are."""
    label = classes["label"]
    train = classes["train"]
    valid = _validated(classes)
    if not train.any():
        return
    if len(valid_only := label[train.eq(0) & valid.gt(0)]):
        yield error_finding(
            "class_unknown_in_training",
            f"every image of {_join_labels(valid_only)} is in validation or repeats one there, so "
            f"the class cannot be learned: {_TRAIN_CLASS[by]} or drop it in data/corrections.csv",
        )
    if len(excluded_only := label[train.eq(0) & valid.eq(0)]):
        yield error_finding(
            "class_without_training_images",
            f"every image of {_join_labels(excluded_only)} repeats a validation image of another "
            "class or is set aside for a test, so none is left to train with: add photos of it, or "
            "drop it in data/corrections.csv",
        )
    if len(train_only := label[train.gt(0) & valid.eq(0)]) and valid.any():
        yield warning_finding(
            "class_empty_in_validation",
            f"no image of {_join_labels(train_only)} is in validation, so nobody will know how "
            f"well it is recognised: {_VALIDATE_CLASS[by]}",
        )
    if len(small := label[train.between(1, _MIN_TRAIN_IMAGES - 1)]):
        yield warning_finding(
            "few_training_images",
            f"fewer than {_MIN_TRAIN_IMAGES} images of {_join_labels(small)} train; more photos "
            "would help most here",
        )
    trained = classes[train.gt(0)].set_index("label")["train"]
    if trained.max() > _MAX_IMBALANCE * trained.min():
        yield warning_finding(
            "imbalance",
            f"{trained.idxmax()!r} trains with {trained.max():,} images and "
            f"{trained.idxmin()!r} with {trained.min():,}: the model will lean towards large "
            "classes; fine_tune.balance: sqrt or full draws small ones more often",
        )


def _check_label_spelling(labels: Sequence[str]) -> Iterator[Finding]:
    """Yield each set of labels that differ by case, spaces or letters that look alike."""
    series = pd.Series(labels, dtype=str)
    keys = series.map(look_alike_key)
    similar = [_join_labels(same, " and ") for _, same in series.groupby(keys) if len(same) > 1]
    if similar:
        yield warning_finding(
            "similar_labels",
            f"the labels {join_names(similar, '; ', _MAX_SPELLINGS)} look alike: are "
            "they one class? Then spell them alike",
        )


def _check_shapes(images: pd.DataFrame, size: int) -> Iterator[Finding]:
    """Yield images that must be enlarged for the model, and those of which it sees a small part."""
    sides = images[["width", "height"]]
    if len(small := images[sides.min(axis=1) < size]):
        yield warning_finding(
            "smaller_than_the_model_sees",
            f"{count_noun(len(small), 'image')} with a side below the {size} pixels that the "
            "model sees (augment.size): enlarging shows it nothing new",
            small["path"],
        )
    if len(long := images[sides.max(axis=1) > _MAX_ASPECT_RATIO * sides.min(axis=1)]):
        yield warning_finding(
            "extreme_shape",
            f"{count_noun(len(long), 'image')} more than {_MAX_ASPECT_RATIO} times as long as "
            "wide: the square that the model sees misses most of it",
            long["path"],
        )


def _check_blank(paths: Sequence[str]) -> Iterator[Finding]:
    if paths:
        message = f"{count_noun(len(paths), 'image')} of nothing but one colour"
        yield warning_finding("blank", message, paths)


def _join_labels(labels: Sequence[str] | pd.Series, separator: str = ", ") -> str:
    """Return the first labels in quotes, and how many more there are."""
    return join_names([repr(label) for label in labels], separator)
