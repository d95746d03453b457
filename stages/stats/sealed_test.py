"""Scores of the sealed test set: its error, how far validation was from it, and each class."""

from typing import NamedTuple, NotRequired, TypedDict

import numpy as np

from stages.base.seed import derive
from stages.stats.effective_images import share_interval
from stages.stats.image_groups import count_groups, some_groups
from stages.stats.intervals import Interval
from stages.stats.metrics import accuracy, macro
from stages.stats.metrics_record import IntervalRecord
from stages.stats.newcombe import join_intervals
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
    groups: NotRequired[int]  # of the test images, where these belong to groups


class _Judged(NamedTuple):
    """Images with what is wrong of them, (N,) bool, and their groups."""

    wrong: np.ndarray
    groups: np.ndarray | None

    def where(self, rows: np.ndarray) -> "_Judged":
        """Return some of them, by (N,) bool."""
        return _Judged(self.wrong[rows], some_groups(self.groups, rows))

    def error_rate(self) -> Interval:
        """Return the share that is wrong."""
        return share_interval(self.wrong, self.groups)


def score_test_set(
    targets: np.ndarray,
    pred_probs: np.ndarray,
    validation: Predictions,
    seed: int,
    groups: np.ndarray | None = None,
) -> SealedScores:
    """Return the scores of a model on T test images, beside its own validation.

    targets: class numbers (T,); pred_probs: (T, C), both in the order of validation's class names;
    groups: (T,) int, of the test images.
    """
    predicted = pred_probs.argmax(axis=1)
    wrong = predicted != targets
    valid_wrong = most_probable(validation.pred_probs) != validation.targets
    valid_groups = validation.groups
    share_right = accuracy(targets, predicted, groups)
    generator = derive(seed, "test set", "macro_recall")
    class_count = len(validation.class_names)
    scores: SealedScores = {
        "error_rate": share_right.complement().as_dict(),
        "accuracy": share_right.as_dict(),
        "macro_recall": macro(
            "recall", targets, predicted, class_count, generator, groups
        ).as_dict(),
        "images": len(targets),
        "errors": int(wrong.sum()),
        "gap": _gap(_Judged(wrong, groups), _Judged(valid_wrong, valid_groups)),
        "validation": {
            "error_rate": share_interval(valid_wrong, valid_groups).as_dict(),
            "images": len(valid_wrong),
            "errors": int(valid_wrong.sum()),
        },
        "classes": {
            str(label): _class_record(
                _Judged(wrong, groups).where(targets == number),
                _Judged(valid_wrong, valid_groups).where(validation.targets == number),
            )
            for number, label in enumerate(validation.class_names)
        },
    }
    count = count_groups(groups)
    return scores if count is None else {**scores, "groups": count}


def _class_record(test: _Judged, valid: _Judged) -> ClassRecord:
    return {
        "images": len(test.wrong),
        "errors": int(test.wrong.sum()),
        "error_rate": test.error_rate().as_dict(),
        "gap": _gap(test, valid),
    }


def _gap(test: _Judged, valid: _Judged) -> IntervalRecord:
    return join_intervals(test.error_rate(), valid.error_rate()).as_dict()
