"""Scores of the sealed test set: its error, how far validation was from it, and each class."""

from typing import TypedDict

import numpy as np

from stages.base.seed import derive
from stages.stats.intervals import wilson
from stages.stats.metrics import accuracy, macro
from stages.stats.metrics_record import IntervalRecord
from stages.stats.newcombe import newcombe_interval
from stages.stats.predictions import Predictions
from stages.stats.probability_blocks import most_probable


class ValidationRecord(TypedDict):
    """What validation said of the same model."""

    error_rate: IntervalRecord
    images: int
    errors: int


class ClassRecord(TypedDict):
    """The test images of one class; the gap is to the validation images of the class."""

    images: int
    errors: int
    error_rate: IntervalRecord
    gap: IntervalRecord


class SealedScores(TypedDict):
    """The content of reports/test/metrics.json, but for which opening it is."""

    error_rate: IntervalRecord
    accuracy: IntervalRecord
    macro_recall: IntervalRecord
    images: int
    errors: int
    gap: IntervalRecord  # error rate of the test minus that of validation
    validation: ValidationRecord
    classes: dict[str, ClassRecord]  # by label


def score_test_set(
    targets: np.ndarray, pred_probs: np.ndarray, validation: Predictions, seed: int
) -> SealedScores:
    """Return the scores of a model on T test images, beside its own validation.

    targets: class numbers (T,); pred_probs: (T, C), both in the order of validation's class names.
    """
    predicted = pred_probs.argmax(axis=1)
    wrong = predicted != targets
    valid_wrong = most_probable(validation.pred_probs) != validation.targets
    share_right = accuracy(targets, predicted)
    generator = derive(seed, "test set", "macro_recall")
    class_count = len(validation.class_names)
    return {
        "error_rate": share_right.complement().as_dict(),
        "accuracy": share_right.as_dict(),
        "macro_recall": macro("recall", targets, predicted, class_count, generator).as_dict(),
        "images": len(targets),
        "errors": int(wrong.sum()),
        "gap": _gap(wrong, valid_wrong),
        "validation": {
            "error_rate": wilson(int(valid_wrong.sum()), len(valid_wrong)).as_dict(),
            "images": len(valid_wrong),
            "errors": int(valid_wrong.sum()),
        },
        "classes": {
            str(label): _class_record(
                wrong[targets == number], valid_wrong[validation.targets == number]
            )
            for number, label in enumerate(validation.class_names)
        },
    }


def _class_record(wrong: np.ndarray, valid_wrong: np.ndarray) -> ClassRecord:
    errors = int(wrong.sum())
    return {
        "images": len(wrong),
        "errors": errors,
        "error_rate": wilson(errors, len(wrong)).as_dict(),
        "gap": _gap(wrong, valid_wrong),
    }


def _gap(wrong: np.ndarray, valid_wrong: np.ndarray) -> IntervalRecord:
    counts = (int(wrong.sum()), len(wrong), int(valid_wrong.sum()), len(valid_wrong))
    return newcombe_interval(*counts).as_dict()
