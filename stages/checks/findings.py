"""What a look over the whole set finds before anything is trained: every fault, not the first.

fastai's DataBlock.summary looks at four items and stops at the first exception. These checks see
every image and never stop. An error is what training would fail on or learn nothing from; a
warning, what makes its result worse or less sure; a note, what is good to know.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

FEW = 5  # training images, below which a class is hardly learned
IMBALANCE = 10  # times that the largest class may exceed the smallest
EXTREME = 3  # times as long as wide: the centre square then shows a third or less
SHOWN = 10  # names in one sentence
SIDES = ["train", "valid", "excluded"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found, in a sentence, and the images it is about."""

    severity: Literal["error", "warning", "note"]
    check: str
    message: str
    paths: tuple[str, ...] = ()


def count_classes(splits: pd.DataFrame) -> pd.DataFrame:
    """Return label, train, valid and excluded: the images of each class, sorted by label."""
    counts = pd.crosstab(splits["label"], splits["split"]).reindex(columns=SIDES, fill_value=0)
    return counts.rename_axis(columns=None).reset_index()


def check_images(images: pd.DataFrame, size: int, blank: Sequence[str] = ()) -> list[Finding]:
    """Return all findings, errors first.

    images has path, label, split, width, height (as presized) and group (of near-duplicates);
    size is the side in pixels that the model sees, blank what `blank_images` found.
    """
    classes = count_classes(images)
    found = [
        *_sides(classes),
        *_classes(classes),
        *_similar_labels(classes["label"].tolist()),
        *_duplicates(images),
        *_shapes(images, size),
        *_blank(blank),
    ]
    order = ["error", "warning", "note"]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def blank_images(index: pd.DataFrame, image: Callable[[str], np.ndarray]) -> list[str]:
    """Return the images of hardly more than one colour: standard deviation below 3 of 255.

    Only images that compress to next to nothing are decoded: one colour as a JPEG of quality 92
    takes 300 to 750 bytes and up to 0.03 a pixel more, with a gradient or noise 0.06. So this is
    almost free, and finds nothing in a store of raw pixels.
    """
    small = index["length"] < 1200 + 0.06 * index["width"] * index["height"]
    return [path for path in index["path"][small] if image(path).std(axis=(0, 1)).max() < 3]


def counted(number: int, one: str, more: str = "") -> str:
    """Return a number with its noun.

    >>> count(1, "image"), count(1016, "image"), count(2, "class", "classes")
    ('1 image', '1,016 images', '2 classes')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _sides(classes: pd.DataFrame) -> Iterator[Finding]:
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
        yield _precision(int(classes["valid"].sum()))
    if len(classes) == 1:
        yield _error(
            "one_class",
            f"every image is labelled {classes['label'][0]!r}, and it takes two classes to tell "
            "apart: check ingest.label, or add photos of something else",
        )


def _precision(valid: int) -> Finding:
    points = 196 * np.sqrt(0.05 * 0.95 / valid)
    message = f"with {counted(valid, 'validation image')}, an error rate of 5 % is sure to within"
    return Finding("note", "precision", f"{message} about {points:.1f} points either way")


def _classes(classes: pd.DataFrame) -> Iterator[Finding]:
    label, train, valid = classes["label"], classes["train"], classes["valid"]
    if not train.any():
        return
    if len(unknown := label[train.eq(0) & valid.gt(0)]):
        yield _error(
            "class_unknown_in_training",
            f"every image of {_listed(unknown)} is in validation or repeats one there, so the "
            "class cannot be learned: add photos of it, set datablock.split.by to stratified, or "
            "drop it in data/corrections.csv",
        )
    if len(absent := label[train.eq(0) & valid.eq(0)]):
        yield _error(
            "class_without_training_images",
            f"every image of {_listed(absent)} repeats a validation image of another class, so "
            "none is left to train with: add photos of it, or drop it in data/corrections.csv",
        )
    if len(unseen := label[train.gt(0) & valid.eq(0)]) and valid.any():
        yield _warning(
            "class_empty_in_validation",
            f"no image of {_listed(unseen)} is in validation, so nobody will know how well it is "
            "recognised: add photos of it, or set datablock.split.by to stratified",
        )
    if len(few := label[train.between(1, FEW - 1)]):
        yield _warning(
            "few_training_images",
            f"fewer than {FEW} images of {_listed(few)} train; more photos would help most here",
        )
    some = classes[train.gt(0)].set_index("label")["train"]
    if some.max() > IMBALANCE * some.min():
        yield _warning(
            "imbalance",
            f"{some.idxmax()!r} trains with {some.max():,} images and {some.idxmin()!r} with "
            f"{some.min():,}: the model will lean towards large classes",
        )


def _similar_labels(labels: Sequence[str]) -> Iterator[Finding]:
    alike = pd.Series(labels, dtype=str)
    for _, same in alike.groupby(alike.map(lambda label: "".join(label.casefold().split()))):
        if len(same) > 1:
            yield _warning(
                "similar_labels",
                f"the labels {_listed(same, ' and ')} differ only by case or spaces: are they one "
                "class? Then spell them alike",
            )


def _duplicates(images: pd.DataFrame) -> Iterator[Finding]:
    excluded = images[images["split"] == "excluded"]
    if len(excluded):
        yield _warning(
            "duplicates_across_the_split",
            f"{counted(len(excluded), 'image')} kept out of training for repeating a validation "
            "image; splits.csv names the twin of each",
            excluded["path"],
        )
    labels = images.groupby("group")["label"].transform("nunique")
    if len(disagree := images[labels > 1].sort_values("path")):
        sets = [_with_labels(same) for _, same in disagree.groupby("group", sort=False)]
        yield _warning(
            "duplicates_disagree",
            f"{counted(len(sets), 'picture')} with different labels on the copies, of which at most "
            f"one is right: {'; '.join(sets[:SHOWN])}{'; ...' if len(sets) > SHOWN else ''}",
            disagree["path"],
        )
    train = images[images["split"] == "train"]
    if len(repeated := train[train.duplicated("group")]):
        yield Finding(
            "note",
            "duplicates_in_training",
            f"{counted(len(repeated), 'training image')} like another one there, which does no harm",
            tuple(sorted(repeated["path"])),
        )


def _with_labels(images: pd.DataFrame) -> str:
    pairs = zip(images["path"], images["label"], strict=True)
    return " = ".join(f"{path} ({label})" for path, label in pairs)


def _shapes(images: pd.DataFrame, size: int) -> Iterator[Finding]:
    sides = images[["width", "height"]]
    if len(small := images[sides.min(axis=1) < size]):
        yield _warning(
            "smaller_than_the_model_sees",
            f"{counted(len(small), 'image')} with a side below augment.size, {size}: enlarging shows "
            "the model nothing new",
            small["path"],
        )
    if len(long := images[sides.max(axis=1) > EXTREME * sides.min(axis=1)]):
        yield _warning(
            "extreme_shape",
            f"{counted(len(long), 'image')} more than {EXTREME} times as long as wide: the square "
            "that the model sees misses most of it",
            long["path"],
        )


def _blank(paths: Sequence[str]) -> Iterator[Finding]:
    if paths:
        yield _warning("blank", f"{counted(len(paths), 'image')} of nothing but one colour", paths)


def _error(check: str, message: str) -> Finding:
    return Finding("error", check, message)


def _warning(check: str, message: str, paths: Sequence[str] | pd.Series = ()) -> Finding:
    return Finding("warning", check, message, tuple(sorted(paths)))


def _listed(labels: Sequence[str] | pd.Series, last: str = ", ") -> str:
    names = [repr(label) for label in labels]
    rest = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return last.join([*names[:SHOWN], *rest])
