"""The result in words says what the numbers say, and what nobody can tell."""

from typing import get_args

import pytest

from stages.evaluate.counted import count_photos
from stages.evaluate.record import ComparedRecord, EvaluationMetrics, ShiftRecord
from stages.evaluate.scores import evaluation_metrics, with_comparison
from stages.evaluate.words import PROPERTY_NAMES, evaluation_headline, left_out, shift_words
from stages.stats.two_samples import Shift
from tests.evaluate.example_evaluation import CLASSES, judged, twins_of, unread


def metrics(wrong: int, right: int) -> EvaluationMetrics:
    """Return the metrics of so many photos, and one that could not be read."""
    photos = [judged(f"{n}", predicted="dog" if n < wrong else "cat") for n in range(wrong + right)]
    photos.append(unread("bad"))
    counted = count_photos(photos, twins_of(photos), CLASSES, not_labelled=2, seen_known=True)
    return evaluation_metrics(counted, CLASSES, 1.0, None, 42)


def compared(verdict: Shift) -> ComparedRecord:
    """Return a comparison that came to a verdict."""
    return {
        "validation_images": 212,
        "measured_validation_images": 212,
        "differs": verdict != "cannot tell",
        "error_rate": {
            "p": 0.0004,
            "verdict": verdict,
            "validation_error_rate": {"value": 0.033, "low": 0.016, "high": 0.067},
            "validation_error_rate_in_this_mix": 0.033,
            "difference": {"value": 0.1, "low": 0.05, "high": 0.15},
        },
        "properties": {},
    }


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("higher", "more than in validation: 3.3 % (1.6 to 6.7), p below 0.001."),
        ("lower", "less than in validation: 3.3 %"),
        ("cannot tell", "they cannot tell it from that of validation: 3.3 %"),
    ],
)
def test_the_headline_has_both_errors(verdict: Shift, words: str) -> None:
    """The error with its interval stands beside that of validation, with the verdict."""
    line = evaluation_headline(with_comparison(metrics(2, 18), compared(verdict), ""))
    assert line.startswith("10.0 % error (2.8 to 30.1) on 20 photos; ")
    assert words in line
    assert "\N{NO-BREAK SPACE}" not in line


def test_what_is_not_known_is_in_the_headline() -> None:
    """Without known photos the reason stands where the comparison would."""
    line = evaluation_headline(with_comparison(metrics(0, 1), None, "no lock"))
    assert line.endswith(
        "on 1 photo (training photos may be among them); not compared with validation: no lock."
    )


@pytest.mark.parametrize(
    ("in_mix", "words"),
    [
        (0.0331, "3.3 % (1.6 to 6.7), p "),
        (0.12, "3.3 % (1.6 to 6.7), with classes mixed as here 12.0 %, p "),
        (None, "3.3 % (1.6 to 6.7), which lacks some of these classes, p "),
    ],
)
def test_another_mix_of_classes_is_said(in_mix: float | None, words: str) -> None:
    """Where the classes are mixed otherwise, the validation error of this mix stands there too."""
    comparison = compared("higher")
    comparison["error_rate"]["validation_error_rate_in_this_mix"] = in_mix
    assert words in evaluation_headline(with_comparison(metrics(2, 18), comparison, ""))


def test_nothing_that_counts_cannot_tell() -> None:
    """Without a photo that counts the line says why, and no rate."""
    line = evaluation_headline(metrics(0, 0))
    assert line == "Cannot tell: no photo counts (2 without a label, 1 not readable)."


def test_reasons_that_are_not_known_are_left_out() -> None:
    """A count of None is no reason."""
    counts = metrics(0, 1)["counts"] | {"seen_in_training": None}
    assert left_out(counts) == ["2 without a label", "1 not readable"]


def test_a_small_shift_has_its_direction_in_words() -> None:
    """A shift of a negligible effect is said with its direction."""
    shift = ShiftRecord(
        p=0.01, verdict="lower", effect="negligible", median=1, validation_median=2, higher=0.46
    )
    assert shift_words("brightness", shift) == "they are darker, by a negligible amount"


@pytest.mark.parametrize("name", list(PROPERTY_NAMES))
def test_every_shift_has_words_of_its_own(name: str) -> None:
    """Each verdict on each property reads otherwise."""
    texts = set()
    for verdict in get_args(Shift):
        shift = ShiftRecord(
            p=0.01, verdict=verdict, effect="small", median=1, validation_median=2, higher=0.4
        )
        texts.add(shift_words(name, shift))
    assert len(texts) == len(get_args(Shift))
