"""What next in words: a line for each thing to do, with its interval or "cannot tell"."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.base.plural import count_noun
from stages.page.formatting import interval_ends, percent
from stages.stats.intervals import Interval
from stages.stats.photo_outlook import MORE_PHOTOS, PhotoOutlook
from stages.stats.what_next import MEASURED_PRECISION, LabelCost, TossUps, WhatNext

CANNOT_TELL = "cannot tell"
_TIMES = {2: "Twice", 4: "Four times"}


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """One line of the section."""

    title: str
    figure: str  # the estimate, or "cannot tell"
    ends: str  # its 95 % interval; "" without
    text: str


def next_steps(what_next: WhatNext) -> list[NextStep]:
    """Return the lines of the section in their order."""
    return [
        *_photo_steps(what_next.photos),
        _label_step(what_next.labels),
        _training_step(what_next.training),
        _limit_step(what_next.toss_ups),
    ]


def _photo_steps(photos: PhotoOutlook) -> list[NextStep]:
    now = f"{percent(photos.now.value)} ({interval_ends(photos.now.as_dict())})"
    steps = []
    add = " Copy new photos into the folder of ingest.images, then make repro."
    for expected in photos.expected:
        total = expected.factor * photos.images
        shown = percent(expected.error.value) if expected.gain.low > 0 else CANNOT_TELL
        steps.append(
            NextStep(
                title=f"{_TIMES[expected.factor]} the photos",
                figure=shown,
                ends=interval_ends(expected.error.as_dict()),
                text=f"On the learning curve, the error of the linear probe with about {total:,} "
                f"photos in place of {photos.images:,}, where it is {now}."
                + (add if expected.gain.low > 0 else " The curve does not surely fall."),
            )
        )
    return [*steps, _class_step(photos)]


def _class_step(photos: PhotoOutlook) -> NextStep:
    classes = photos.classes
    title = "More of some classes"
    if classes.gain.value is None:
        text = "No class would surely gain more from more photos than classes do in the mean."
        return NextStep(title=title, figure=CANNOT_TELL, ends="", text=text)
    return NextStep(
        title=title,
        figure=_fewer(classes.gain) if classes.gain.low > 0 else CANNOT_TELL,
        ends=interval_ends(classes.gain.as_dict()),
        text=f"{MORE_PHOTOS} more of {_listed(classes.labels)} would help most: "
        "points by which the error of the probe, over all classes, would fall on the learning "
        "curve." + ("" if classes.gain.low > 0 else " The chance of another fit is larger."),
    )


def _label_step(labels: LabelCost) -> NextStep:
    mistakes = count_noun(labels.mistakes, "mistake")
    if not labels.doubted:
        text = f"No label of the {mistakes} in validation is firmly doubted by model and probe."
        text = text if labels.mistakes else "There is no mistake in validation to doubt a label by."
        return NextStep(title="Cleaner labels", figure=CANNOT_TELL, ends="", text=text)
    return NextStep(
        title="Cleaner labels",
        figure=_fewer(labels.cost),
        ends=interval_ends(labels.cost.as_dict()),
        text=f"Of {mistakes} in validation {labels.doubted:,} may be the label's: points of the "
        f"error, if {100 * MEASURED_PRECISION:.0f} of 100 such labels are wrong, as on pets of "
        "which 5 % of the labels had been changed. Here none may be, above all in rare classes: "
        "look before you change one: make review shows them. What wrong labels cost in training is "
        "not in it.",
    )


def _training_step(sentences: Sequence[str]) -> NextStep:
    if not sentences:
        text = (
            "The losses of the last epochs call it neither too short nor too long. Whether another "
            "fine_tune.epochs or model.arch is better, make compare tells after a run with it."
        )
        return NextStep(title="Other training", figure=CANNOT_TELL, ends="", text=text)
    verdict, _, reason = " ".join(sentences).partition(": ")
    return NextStep(title="Other training", figure=verdict.lower(), ends="", text=reason)


def _limit_step(toss_ups: TossUps) -> NextStep:
    if not toss_ups.mistakes:
        text = "There is no mistake in validation, so nothing shows where a limit may lie."
        return NextStep(title="Perhaps a limit", figure=CANNOT_TELL, ends="", text=text)
    mistakes = count_noun(toss_ups.mistakes, "mistake")
    near = f"{toss_ups.near:,} {'lies' if toss_ups.near == 1 else 'lie'}"
    near = near if toss_ups.near else "none lies"
    return NextStep(
        title="Perhaps a limit",
        figure=percent(toss_ups.share.value),
        ends=interval_ends(toss_ups.share.as_dict()),
        text=f"Of {mistakes} {near} near the boundary between two classes, "
        "the label one of them, with hardly any probability elsewhere. On such photos two people "
        "might differ too; whether they do, only asking them can tell. Classes that they cannot "
        "tell apart may be better as one.",
    )


def _fewer(gain: Interval) -> str:
    """Return a gain in points."""
    return percent(gain.value).replace("%", "points")


def _listed(labels: Sequence[str]) -> str:
    """Return the names of some classes as they stand in a sentence."""
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last
