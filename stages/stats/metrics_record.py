"""The record in reports/interpret/details.json: what each key of the file holds.

Keys stand in the order of the file. Rates, probabilities and p-values are numbers from 0 to 1;
counts are of validation images. Types only, so that whatever reads the file can import them.
"""

from typing import Literal, NotRequired, TypedDict

Verdict = Literal["better", "worse", "cannot tell"]
Tendency = Literal["too sure", "not sure enough", "cannot tell"]


class IntervalRecord(TypedDict):
    """An estimate and the ends of its 95 % interval; the value is None without any image."""

    value: float | None
    low: float
    high: float


class Scores(TypedDict):
    """The scores of one classifier; those of the top k only where there are more classes."""

    error_rate: IntervalRecord
    accuracy: IntervalRecord
    macro_precision: IntervalRecord
    macro_recall: IntervalRecord
    macro_f1: IntervalRecord
    top_3: NotRequired[IntervalRecord]
    top_5: NotRequired[IntervalRecord]


class PairedRecord(TypedDict):
    """The first classifier against the second on the same images: see mcnemar.PairedComparison."""

    verdict: Verdict
    p: float
    difference: IntervalRecord
    only_first_right: int
    only_second_right: int
    images: int
    groups: NotRequired[int]  # only where the images belong to groups: then p is over these


class TemperatureRecord(TypedDict):
    """Temperature scaling and what it changes: see temperature.TemperatureEvaluation."""

    value: float
    fitted_on: int
    judged_on: int
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float
    nll_change: IntervalRecord


class CalibrationRecord(TypedDict):
    """Calibration: confidence against accuracy."""

    ece: IntervalRecord  # expected calibration error
    ece_by_chance: float  # a perfectly calibrated model exceeds it one time in twenty
    confidence: float  # mean probability of the predicted class
    tendency: Tendency
    temperature: TemperatureRecord | None  # None with too few images to fit one
    applied_temperature: float  # of calibrated confidence: 1 where there is none, or it harms


class ThresholdRecord(TypedDict):
    """Selective prediction at one level: see selective.SelectiveThreshold."""

    threshold: float | None  # of calibrated confidence
    images: int
    coverage: float
    accuracy: float | None
    low: float | None
    reason: str


class SliceTendency(TypedDict):
    """Whether errors go with one property of the images."""

    p: float
    verdict: str


class TrialRecord(TypedDict):
    """The trial before training, on held-out training images: see train/trial.Trial.

    By folds it is on all images, each by the model and the probe that did not see its fold.
    """

    images: int
    groups: NotRequired[int]  # that these belong to, where they do
    errors: int  # of fine-tuning
    probe_errors: int
    other_errors: NotRequired[int]  # of training from the probe, where learning anew was tried too
    epochs: int
    p: float
    verdict: Verdict  # of fine-tuning; where it is worse, the model is the probe


class RecipeRecord(TypedDict):
    """How the model was trained, and why so: see train/recipe.Recipe."""

    name: str
    probe_error: float  # of the training images out of fold
    shallow_error: float | None  # the same through the shortened backbone; None without one
    anew: TrialRecord | None  # of learning anew; None where the probes alone decided
    arch: NotRequired[str]  # missing in reports of earlier versions
    size: int
    cut: str | int
    epochs: float
    freeze_epochs: float
    frozen_share: float
    trained_share: float
    train_bn: bool
    flip: bool


class TrainingRecord(TypedDict):
    """The whole of recipe.json: the recipe in force, and the trial of fine-tuning, if any."""

    recipe: RecipeRecord
    trial: TrialRecord | None


class FoldsRecord(TypedDict, total=False):
    """That each image was predicted by the model of its fold; empty where there are no folds."""

    folds: int


class GroupsRecord(TypedDict, total=False):
    """That intervals and tests count groups; empty where the validation images are independent."""

    groups: int


class Metrics(Scores, FoldsRecord, GroupsRecord):
    """The whole of details.json: the fine-tuned model's scores come first, without a key above."""

    baseline: Scores  # the linear probe
    versus_baseline: PairedRecord  # the fine-tuned model is the first
    images: int
    errors: int
    classes: int
    # The next three are missing in reports of earlier versions.
    unequal_classes: NotRequired[bool]  # the largest has five times the smallest's training images
    largest_class_error: NotRequired[IntervalRecord]  # of always answering the largest class
    kappa: NotRequired[IntervalRecord]  # Cohen's, -1 to 1
    calibration: CalibrationRecord
    sure: dict[str, ThresholdRecord]  # by the level in percent
    conditions: dict[str, SliceTendency]  # by the property of the images
    recipe: RecipeRecord | None  # None of a model that an earlier version trained
    trial: TrialRecord | None  # None where none was made
