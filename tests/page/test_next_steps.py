"""What next in words."""

from dataclasses import replace

import pytest

from stages.page.formatting import SPACE
from stages.page.next_steps import CANNOT_TELL, NextStep, next_steps
from stages.stats.intervals import Interval
from stages.stats.photo_outlook import ClassGains, ExpectedError, PhotoOutlook
from stages.stats.what_next import LabelCost, TossUps, WhatNext

PHOTOS = PhotoOutlook(
    images=800,
    now=Interval(0.1, 0.08, 0.12),
    expected=[
        ExpectedError(factor=2, error=Interval(0.08, 0.06, 0.1), gain=Interval(0.02, 0.01, 0.03)),
        ExpectedError(factor=4, error=Interval(0.07, 0.03, 0.1), gain=Interval(0.03, 0, 0.06)),
    ],
    classes=ClassGains(labels=["Birman", "Ragdoll"], gain=Interval(0.006, 0.002, 0.011)),
)
WHAT_NEXT = WhatNext(
    photos=PHOTOS,
    labels=LabelCost(mistakes=7, doubted=3, cost=Interval(0.0126, 0.0047, 0.0142)),
    training=["Overfitting: the validation loss rises. Try a smaller fine_tune.epochs."],
    toss_ups=TossUps(mistakes=7, near=2, share=Interval(0.0094, 0.0026, 0.0337)),
)


def steps(what_next: WhatNext = WHAT_NEXT) -> dict[str, NextStep]:
    """Return the lines by their titles."""
    return {step.title: step for step in next_steps(what_next)}


def figure(step: NextStep) -> str:
    """Return the figure of a line with its interval, no-break spaces as plain ones."""
    return f"{step.figure} ({step.ends})".replace(SPACE, " ")


def test_each_line_has_its_estimate_and_interval() -> None:
    """Photos, classes, labels and limit are figures; a gain that is not sure is not claimed."""
    assert {title: figure(step) for title, step in steps().items()} == {
        "Twice the photos": "8.0 % (6.0 to 10.0)",
        "Four times the photos": "cannot tell (3.0 to 10.0)",
        "More of some classes": "0.6 points (0.2 to 1.1)",
        "Cleaner labels": "1.3 points (0.5 to 1.4)",
        "Other training": "overfitting ()",
        "Perhaps a limit": "0.9 % (0.3 to 3.4)",
    }


def test_the_classes_that_gain_most_are_named() -> None:
    """The line says how many photos of which classes."""
    text = steps()["More of some classes"].text
    assert text.startswith("20 more of Birman and Ragdoll would help most")
    assert steps()["Twice the photos"].text.replace(SPACE, " ") == (
        "On the learning curve, the error of the linear probe with about 1,600 photos in place of"
        " 800, where it is 10.0 % (8.0 to 12.0). Copy new photos into the folder of ingest.images,"
        " then make repro."
    )


def test_nothing_is_counted_among_no_mistakes() -> None:
    """Without a mistake two lines say so; with some, of which none is near, one says none."""
    none = replace(
        WHAT_NEXT,
        labels=LabelCost(mistakes=0, doubted=0, cost=Interval(0.0, 0.0, 0.02)),
        toss_ups=TossUps(mistakes=0, near=0, share=Interval(0.0, 0.0, 0.02)),
    )
    for title in ("Cleaner labels", "Perhaps a limit"):
        assert steps(none)[title].text.startswith("There is no mistake in validation")
        assert steps(none)[title].figure == CANNOT_TELL
    far = replace(WHAT_NEXT, toss_ups=TossUps(mistakes=7, near=0, share=Interval(0.0, 0.0, 0.02)))
    assert steps(far)["Perhaps a limit"].text.startswith("Of 7 mistakes none lies near the bound")


def test_a_gain_that_another_fit_could_hide_is_not_claimed() -> None:
    """Where the interval of the named classes' gain holds none, the line says what hides it."""
    classes = ClassGains(labels=["Birman"], gain=Interval(0.006, -0.012, 0.024))
    step = steps(replace(WHAT_NEXT, photos=replace(PHOTOS, classes=classes)))[
        "More of some classes"
    ]
    assert figure(step) == "cannot tell (−1.2 to 2.4)"
    assert step.text.endswith("The chance of another fit is larger.")


@pytest.mark.parametrize(
    ("labels", "named"), [(["a"], "of a would"), (["a", "b", "c"], "of a, b and c would")]
)
def test_one_or_three_classes_are_listed(labels: list[str], named: str) -> None:
    """Names stand as in a sentence."""
    classes = ClassGains(labels=labels, gain=Interval(0.01, 0.0, 0.02))
    what_next = replace(WHAT_NEXT, photos=replace(PHOTOS, classes=classes))
    assert named in steps(what_next)["More of some classes"].text


def test_what_is_not_known_cannot_be_told() -> None:
    """Without classes, doubted labels or a diagnosis each line says so, and gives no interval."""
    nothing = replace(
        WHAT_NEXT,
        photos=replace(PHOTOS, classes=ClassGains(labels=[], gain=Interval(None, 0.0, 1.0))),
        labels=LabelCost(mistakes=1, doubted=0, cost=Interval(0.0, 0.0, 0.0)),
        training=[],
    )
    for title in ("More of some classes", "Cleaner labels", "Other training"):
        step = steps(nothing)[title]
        assert (step.figure, step.ends) == (CANNOT_TELL, "")
    assert "No label of the 1 mistake" in steps(nothing)["Cleaner labels"].text


@pytest.mark.parametrize(
    ("near", "words"), [(1, "1 lies near"), (2, "2 lie near"), (0, "none lies near")]
)
def test_one_mistake_lies_and_two_lie(near: int, words: str) -> None:
    """The sentence about the limit agrees with its number."""
    toss_ups = replace(WHAT_NEXT.toss_ups, near=near)
    assert words in steps(replace(WHAT_NEXT, toss_ups=toss_ups))["Perhaps a limit"].text
