"""Findings: all faults of a set of images, before anything is trained.

fastai's DataBlock.summary checks four items and stops at the first exception. These checks cover
every image and never stop. An error is what training would fail on or learn nothing from; a
warning, what makes its result worse or less certain; a note, what is good to know.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from stages.base.plural import count_noun
from stages.dataset.splits import SPLIT_VALUES

_MIN_TRAIN_IMAGES = 5  # below which a class is hardly learned
_MAX_IMBALANCE = 10  # times that the largest class may exceed the smallest
_MAX_ASPECT_RATIO = 3  # long side by short side: the centre square then shows a third or less
_MAX_NAMES = 10  # in one sentence

Severity = Literal["error", "warning", "note"]
_SEVERITIES: list[Severity] = ["error", "warning", "note"]  # the worst first


@dataclass(frozen=True)
class Finding:
    """A fault or remark of one check, in a sentence, and the images that it is about."""

    severity: Severity
    check: str
    message: str
    paths: tuple[str, ...] = ()


def count_classes(splits: pd.DataFrame) -> pd.DataFrame:
    """Return label, train, valid and excluded: the images of each class, sorted by label."""
    counts = pd.crosstab(splits["label"], splits["split"])
    counts = counts.reindex(columns=SPLIT_VALUES, fill_value=0)
    return counts.rename_axis(columns=None).reset_index()


def check_images(images: pd.DataFrame, size: int, blank: Sequence[str] = ()) -> list[Finding]:
    """Return all findings, errors first.

    images has path, label, split, width, height (as presized) and group (of near-duplicates);
    size is the side in pixels that the model sees, blank the paths of `blank_images`.
    """
    classes = count_classes(images)
    findings = [
        *_check_sides(classes),
        *_check_classes(classes),
        *_check_label_spelling(classes["label"].tolist()),
        *_check_duplicates(images),
        *_check_shapes(images, size),
        *_check_blank(blank),
    ]
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))


def blank_images(index: pd.DataFrame, image: Callable[[str], np.ndarray]) -> list[str]:
    """Return the images of hardly more than one colour: standard deviation below 3 of 255.

    Only images that compress to next to nothing are decoded: one colour as a JPEG of quality 92
    takes 300 to 750 bytes and up to 0.03 a pixel more, with a gradient or noise 0.06. So this is
    almost free, and finds nothing in a store of raw pixels.
    """
    small = index["length"] < 1200 + 0.06 * index["width"] * index["height"]
    return [path for path in index["path"][small] if image(path).std(axis=(0, 1)).max() < 3]


def _check_sides(classes: pd.DataFrame) -> Iterator[Finding]:
    """Yield what the whole set lacks: images, a side of the split, a second class."""
    if classes.empty:
        yield _error("no_images", "there is no image with a label: see what ingest and presize say")
        return
    if not classes["train"].any():
        yield _error(
            "no_training_images",
            "no image is left to train with: lower datablock.split.valid, or add photos",
        )
    if not classes["valid"].any():
        yield _error(
            "no_validation_images",
            "no image is left to validate with: raise datablock.split.valid, add photos, or set "
            "datablock.split.by to stratified",
        )
    else:
        yield _precision_note(int(classes["valid"].sum()))
    if len(classes) == 1:
        yield _error(
            "one_class",
            f"every image is labelled {classes['label'][0]!r}, and it takes two classes to tell "
            "apart: check ingest.label, or add photos of something else",
        )


def _precision_note(valid_images: int) -> Finding:
    """Return how wide the 95 % interval of an error rate of 5 % will be (normal approximation)."""
    points = 196 * np.sqrt(0.05 * 0.95 / valid_images)
    images = count_noun(valid_images, "validation image")
    message = f"with {images}, an error rate of 5 % is sure to within"
    return Finding("note", "precision", f"{message} about {points:.1f} points either way")


def _check_classes(classes: pd.DataFrame) -> Iterator[Finding]:
    """Yield what single classes lack on a side of the split, and how unequal they are."""
    label = classes["label"]
    train = classes["train"]
    valid = classes["valid"]
    if not train.any():
        return
    if len(valid_only := label[train.eq(0) & valid.gt(0)]):
        yield _error(
            "class_unknown_in_training",
            f"every image of {_join_labels(valid_only)} is in validation or repeats one there, so "
            "the class cannot be learned: add photos of it, set datablock.split.by to stratified, "
            "or drop it in data/corrections.csv",
        )
    if len(excluded_only := label[train.eq(0) & valid.eq(0)]):
        yield _error(
            "class_without_training_images",
            f"every image of {_join_labels(excluded_only)} repeats a validation image of another "
            "class, so none is left to train with: add photos of it, or drop it in "
            "data/corrections.csv",
        )
    if len(train_only := label[train.gt(0) & valid.eq(0)]) and valid.any():
        yield _warning(
            "class_empty_in_validation",
            f"no image of {_join_labels(train_only)} is in validation, so nobody will know how "
            "well it is recognised: add photos of it, or set datablock.split.by to stratified",
        )
    if len(small := label[train.between(1, _MIN_TRAIN_IMAGES - 1)]):
        yield _warning(
            "few_training_images",
            f"fewer than {_MIN_TRAIN_IMAGES} images of {_join_labels(small)} train; more photos "
            "would help most here",
        )
    trained = classes[train.gt(0)].set_index("label")["train"]
    if trained.max() > _MAX_IMBALANCE * trained.min():
        yield _warning(
            "imbalance",
            f"{trained.idxmax()!r} trains with {trained.max():,} images and "
            f"{trained.idxmin()!r} with {trained.min():,}: the model will lean towards large "
            "classes",
        )


def _check_label_spelling(labels: Sequence[str]) -> Iterator[Finding]:
    """Yield each set of labels that differ by case or spaces alone."""
    series = pd.Series(labels, dtype=str)
    folded = series.map(lambda label: "".join(label.casefold().split()))
    for _, similar in series.groupby(folded):
        if len(similar) > 1:
            yield _warning(
                "similar_labels",
                f"the labels {_join_labels(similar, ' and ')} differ only by case or spaces: are "
                "they one class? Then spell them alike",
            )


def _check_duplicates(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield duplicates across the split, with different labels, and within training."""
    excluded = images[images["split"] == "excluded"]
    if len(excluded):
        yield _warning(
            "duplicates_across_the_split",
            f"{count_noun(len(excluded), 'image')} kept out of training for repeating a "
            "validation image; splits.csv names the twin of each",
            excluded["path"],
        )
    labels = images.groupby("group")["label"].transform("nunique")
    if len(disagreeing := images[labels > 1].sort_values("path")):
        groups = [_with_labels(group) for _, group in disagreeing.groupby("group", sort=False)]
        yield _warning(
            "duplicates_disagree",
            f"{count_noun(len(groups), 'picture')} with different labels on the copies, of which "
            f"at most one is right: {'; '.join(groups[:_MAX_NAMES])}"
            f"{'; ...' if len(groups) > _MAX_NAMES else ''}",
            disagreeing["path"],
        )
    train = images[images["split"] == "train"]
    if len(repeated := train[train.duplicated("group")]):
        count = count_noun(len(repeated), "training image")
        yield Finding(
            "note",
            "duplicates_in_training",
            f"{count} like another one there, which does no harm",
            tuple(sorted(repeated["path"])),
        )


def _with_labels(images: pd.DataFrame) -> str:
    pairs = zip(images["path"], images["label"], strict=True)
    return " = ".join(f"{path} ({label})" for path, label in pairs)


def _check_shapes(images: pd.DataFrame, size: int) -> Iterator[Finding]:
    """Yield images that must be enlarged for the model, and those of which it sees a small part."""
    sides = images[["width", "height"]]
    if len(small := images[sides.min(axis=1) < size]):
        yield _warning(
            "smaller_than_the_model_sees",
            f"{count_noun(len(small), 'image')} with a side below augment.size, {size}: enlarging "
            "shows the model nothing new",
            small["path"],
        )
    if len(long := images[sides.max(axis=1) > _MAX_ASPECT_RATIO * sides.min(axis=1)]):
        yield _warning(
            "extreme_shape",
            f"{count_noun(len(long), 'image')} more than {_MAX_ASPECT_RATIO} times as long as "
            "wide: the square that the model sees misses most of it",
            long["path"],
        )


def _check_blank(paths: Sequence[str]) -> Iterator[Finding]:
    if paths:
        message = f"{count_noun(len(paths), 'image')} of nothing but one colour"
        yield _warning("blank", message, paths)


def _error(check: str, message: str) -> Finding:
    return Finding("error", check, message)


def _warning(check: str, message: str, paths: Sequence[str] | pd.Series = ()) -> Finding:
    return Finding("warning", check, message, tuple(sorted(paths)))


def _join_labels(labels: Sequence[str] | pd.Series, separator: str = ", ") -> str:
    """Return the first labels in quotes, and how many more there are."""
    names = [repr(label) for label in labels]
    rest = [f"{len(names) - _MAX_NAMES} more"] if len(names) > _MAX_NAMES else []
    return separator.join([*names[:_MAX_NAMES], *rest])
