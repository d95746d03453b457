"""The record in metrics.json of an evaluation: what each key of the file holds.

Rates, probabilities and p-values are numbers from 0 to 1. Types only.
"""

from typing import TypedDict

from stages.stats.metrics_record import IntervalRecord, Tendency
from stages.stats.two_samples import EffectSize, Shift


class EvaluationCounts(TypedDict):
    """What became of the photos: `photos` are all, `counted` those that the numbers are about.

    Of those that do not count each stands under the first reason that holds, in this order.
    """

    photos: int
    not_labelled: int
    unread: int  # with a label
    seen_in_training: int | None  # None where nobody can tell
    seen_in_validation: int | None
    set_aside: int | None  # of the test set, which make test-set opens and counts
    labels_in_conflict: int  # one picture with others of another label
    repeats: int  # the same picture as another one
    unknown_class: int
    counted: int


class RefusalRecord(TypedDict):
    """Answers "none of these", which count as wrong."""

    images: int
    would_be_right: int  # the most probable class is the label


class ConfidenceRecord(TypedDict):
    """Confidence against accuracy, of one temperature."""

    ece: IntervalRecord  # expected calibration error
    ece_by_chance: float  # a perfectly calibrated model exceeds it one time in twenty
    confidence: float  # mean
    tendency: Tendency


class EvaluationCalibration(TypedDict):
    """Calibration of the confidence as it is applied, and as the model gives it."""

    temperature: float
    applied: ConfidenceRecord
    without_temperature: ConfidenceRecord


class SureRecord(TypedDict):
    """Answers that are sure, by the threshold of the report."""

    threshold: float | None  # None where none is known; then nothing is sure
    images: int
    share: IntervalRecord  # of the photos
    right: IntervalRecord  # of the sure answers


class JudgedClassRecord(TypedDict):
    """One class; an interval has no value where nothing is to be divided by."""

    label: str
    images: int
    predicted: int
    recall: IntervalRecord
    precision: IntervalRecord


class PairCount(TypedDict):
    """A cell of the confusion matrix that is not zero."""

    actual: str
    predicted: str
    images: int


class ShiftRecord(TypedDict):
    """How one property of these photos differs from the validation photos."""

    p: float  # by Holm's method over all tests
    verdict: Shift
    effect: EffectSize
    median: float
    validation_median: float
    higher: float  # probability that one of these photos has the higher value


class ErrorShiftRecord(TypedDict):
    """The error rate beside that of validation, by the same rule."""

    p: float  # within classes, by Holm's method over all tests
    verdict: Shift  # within classes
    validation_error_rate: IntervalRecord
    # With classes mixed as these photos are; None where validation lacks one of them.
    validation_error_rate_in_this_mix: float | None
    difference: IntervalRecord


class ComparedRecord(TypedDict):
    """These photos against the validation photos."""

    validation_images: int
    measured_validation_images: int  # of them, for size, brightness and sharpness
    differs: bool  # in any of the tests
    error_rate: ErrorShiftRecord
    properties: dict[str, ShiftRecord]  # confidence, size, brightness, sharpness


class EvaluationMetrics(TypedDict):
    """The whole of metrics.json."""

    error_rate: IntervalRecord  # of what counts: new to the model, of known classes, each once
    accuracy: IntervalRecord
    macro_recall: IntervalRecord
    images: int
    errors: int
    classes: int  # with an image
    counts: EvaluationCounts
    whole: bool  # whether every labelled photo was read, and every row of labels has its photo
    rows_without_photo: int  # of a table of labels beside a folder
    seen_unknown: str  # why nobody can tell which photos the model has seen, "" where they are told
    refused: RefusalRecord
    error_rate_by_most_probable: IntervalRecord  # with a refusal as its most probable class
    unknown_classes: dict[str, int]  # label -> photos; not in the error rate
    error_rate_with_unknown_classes: IntervalRecord  # each of them wrong
    calibration: EvaluationCalibration | None  # None without a photo that counts
    sure: SureRecord
    by_class: list[JudgedClassRecord]
    confusion: list[PairCount]
    compared: ComparedRecord | None  # None where the validation photos are not known
