"""Scores of an evaluation: the content of its metrics.json, from the photos that count."""

from collections.abc import Sequence

import numpy as np

from stages.base.seed import derive
from stages.evaluate.counted import CountedPhotos
from stages.evaluate.record import (
    ComparedRecord,
    ConfidenceRecord,
    EvaluationCalibration,
    EvaluationMetrics,
    JudgedClassRecord,
    PairCount,
    SureRecord,
)
from stages.predict.answer import NONE_OF_THESE
from stages.stats.calibration import calibration_by_chance, calibration_error_interval
from stages.stats.intervals import Interval, wilson
from stages.stats.metrics import confusion, macro
from stages.stats.metrics_record import IntervalRecord


def evaluation_metrics(
    photos: CountedPhotos,
    class_names: Sequence[str],
    temperature: float,
    threshold: float | None,
    seed: int,
) -> EvaluationMetrics:
    """Return the content of metrics.json, but for what compares with the validation photos."""
    right = photos.right
    images = len(right)
    unknown = sum(photos.unknown_classes.values())
    share_right = wilson(int(right.sum()), images)
    refused = photos.predicted == len(class_names)
    top_right = photos.most_probable == photos.targets
    matrix = confusion_with_refusals(photos, len(class_names))
    return {
        "error_rate": share_right.complement().as_dict(),
        "accuracy": share_right.as_dict(),
        "macro_recall": _macro_recall(photos, len(class_names), seed),
        "images": images,
        "errors": int((~right).sum()),
        "classes": len(np.unique(photos.targets)),
        "counts": photos.counts,
        "whole": photos.counts["unread"] == 0,
        "rows_without_photo": 0,
        "seen_unknown": "",
        "refused": {
            "images": int(refused.sum()),
            "would_be_right": int((refused & top_right).sum()),
        },
        "error_rate_by_most_probable": wilson(int(top_right.sum()), images).complement().as_dict(),
        "unknown_classes": dict(photos.unknown_classes),
        "error_rate_with_unknown_classes": (
            wilson(int(right.sum()), images + unknown).complement().as_dict()
        ),
        "calibration": _calibration(photos, temperature, seed) if images else None,
        "sure": _sure(photos, threshold),
        "by_class": _by_class(matrix, class_names),
        "confusion": _pairs(matrix, class_names),
        "compared": None,
    }


def with_rows_without_photo(metrics: EvaluationMetrics, rows: int) -> EvaluationMetrics:
    """Return the same with how many rows of a table of labels have no photo."""
    return {
        **metrics,
        "rows_without_photo": rows,
        "whole": metrics["whole"] and rows == 0,
    }


def with_comparison(
    metrics: EvaluationMetrics, compared: ComparedRecord | None, seen_unknown: str
) -> EvaluationMetrics:
    """Return the same with the comparison, or why nobody can tell what the model has seen."""
    return {**metrics, "compared": compared, "seen_unknown": seen_unknown}


def confusion_with_refusals(photos: CountedPhotos, class_count: int) -> np.ndarray:
    """Return the confusion matrix, (C + 1, C + 1); the last column has the refusals."""
    return confusion(photos.targets, photos.predicted, class_count + 1)


def _macro_recall(photos: CountedPhotos, class_count: int, seed: int) -> IntervalRecord:
    if not len(photos.targets):
        return Interval(None, 0.0, 1.0).as_dict()
    generator = derive(seed, "evaluate", "macro_recall")
    return macro("recall", photos.targets, photos.predicted, class_count + 1, generator).as_dict()


def _calibration(photos: CountedPhotos, temperature: float, seed: int) -> EvaluationCalibration:
    # Confidence is of the most probable class, so a refusal is judged by that class too.
    right = photos.most_probable == photos.targets
    return {
        "temperature": temperature,
        "applied": _confidence(photos.confidence, right, seed),
        "without_temperature": _confidence(photos.plain_confidence, right, seed),
    }


def _confidence(confidence: np.ndarray, right: np.ndarray, seed: int) -> ConfidenceRecord:
    by_chance, tendency = calibration_by_chance(
        confidence, right, derive(seed, "evaluate", "chance")
    )
    error = calibration_error_interval(
        confidence, right, by_chance, derive(seed, "evaluate", "ece")
    )
    return {
        "ece": error.as_dict(),
        "ece_by_chance": by_chance,
        "confidence": float(confidence.mean()),
        "tendency": tendency,
    }


def _sure(photos: CountedPhotos, threshold: float | None) -> SureRecord:
    sure = int(photos.sure.sum())
    return {
        "threshold": threshold,
        "images": sure,
        "share": wilson(sure, len(photos.sure)).as_dict(),
        "right": wilson(int(photos.right[photos.sure].sum()), sure).as_dict(),
    }


def _by_class(matrix: np.ndarray, class_names: Sequence[str]) -> list[JudgedClassRecord]:
    return [
        {
            "label": label,
            "images": int(matrix[number].sum()),
            "predicted": int(matrix[:, number].sum()),
            "recall": wilson(int(matrix[number, number]), int(matrix[number].sum())).as_dict(),
            "precision": wilson(
                int(matrix[number, number]), int(matrix[:, number].sum())
            ).as_dict(),
        }
        for number, label in enumerate(class_names)
    ]


def _pairs(matrix: np.ndarray, class_names: Sequence[str]) -> list[PairCount]:
    names = [*class_names, NONE_OF_THESE]
    return [
        {"actual": names[row], "predicted": names[column], "images": int(matrix[row, column])}
        for row, column in zip(*np.nonzero(matrix), strict=True)
    ]
