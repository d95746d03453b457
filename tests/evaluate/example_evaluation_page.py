"""A page of an evaluation with everything on it, for the tests of what it shows."""

import numpy as np

from stages.evaluate.counted import count_photos
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.page import EvaluationPage, evaluation_page, file_lists, worst_mistakes
from stages.evaluate.record import ComparedRecord, ShiftRecord
from stages.evaluate.scores import evaluation_metrics, with_comparison, with_rows_without_photo
from stages.evaluate.twins import Twins
from stages.labels.problem import Problem
from stages.predict.answer import ClassProbability, PhotoAnswer
from tests.evaluate.example_evaluation import judged, twins_of, unread
from tests.example_results import STRANGE_LABELS

HOSTILE = '<img src=x onerror=alert(1)>\n"&.jpg'


def strange_photos(count: int) -> list[JudgedPhoto]:
    """Return photos with strange labels and names, a third of them wrong, some refused."""
    rng = np.random.default_rng(4)
    photos = []
    for number in range(count):
        label, other = rng.choice(STRANGE_LABELS, 2, replace=False)
        best = str(other if number % 3 == 0 else label)
        one = judged(f"{number} {HOSTILE}", confidence=float(rng.uniform(0.3, 1)))
        answer = PhotoAnswer(
            path=one.path,
            predicted="none of these" if number % 10 == 0 else best,
            confidence=one.answer.confidence,
            sure=number % 2 == 0,
            top=(ClassProbability(best, one.answer.confidence or 0),),
        )
        photos.append(
            JudgedPhoto(
                answer=answer, label=str(label), p_label=0.1, plain_confidence=0.5, facts=one.facts
            )
        )
    unknown = [judged(f"unknown {n}", label=f"<u>{n}") for n in range(3)]
    return [*photos, *unknown, unread(f"bad {HOSTILE}")]


def example_evaluation_page(count: int = 60) -> EvaluationPage:
    """Return a page with refusals, unknown classes, copies, unread photos and a comparison."""
    photos = strange_photos(count)
    seen = {photo.path: "training" for photo in photos[:2] if not photo.problem}
    twins = Twins(seen=seen, picture=twins_of(photos).picture)  # type: ignore[arg-type]
    counted = count_photos(photos, twins, STRANGE_LABELS, not_labelled=1, seen_known=True)
    metrics = with_comparison(
        with_rows_without_photo(evaluation_metrics(counted, STRANGE_LABELS, 1.4, 0.8, 42), 7),
        example_comparison() if len(counted.paths) else None,
        "",
    )
    mistakes = worst_mistakes(counted, STRANGE_LABELS, 12)
    unlabelled = [Problem(HOSTILE, "no folder", "move it")]
    lists = file_lists(photos, unlabelled, unlabelled * 50, twins)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    pictures = {mistake.path: pixels for mistake in mistakes[:-1]}
    return evaluation_page(metrics, counted, STRANGE_LABELS, mistakes, lists, pictures)


def example_comparison() -> ComparedRecord:
    """Return a comparison that finds every kind of difference."""
    shift = ShiftRecord(
        p=0.001, verdict="lower", effect="medium", median=0.3, validation_median=0.5, higher=0.28
    )
    return {
        "validation_images": 212,
        "measured_validation_images": 200,
        "differs": True,
        "error_rate": {
            "p": 0.02,
            "verdict": "higher",
            "validation_error_rate": {"value": 0.033, "low": 0.016, "high": 0.067},
            "validation_error_rate_in_this_mix": 0.051,
            "difference": {"value": 0.1, "low": 0.05, "high": 0.15},
        },
        "properties": {
            "confidence": shift,
            "size": {**shift, "verdict": "higher", "median": 1080.0},
            "brightness": shift,
            "sharpness": {**shift, "verdict": "differs"},
        },
    }
