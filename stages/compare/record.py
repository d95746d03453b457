"""compare.json: the record of a comparison, which the terminal, compare.md and the page show too.

The attributes are the keys of the file and stand in its order. Rates and p-values are numbers from
0 to 1; a difference is the other minus the base. Types only, so that every other module can read
the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

from stages.base.params import YamlValue
from stages.compare.stage_differences import StageDifference
from stages.stats.intervals import Interval
from stages.stats.metrics_record import Verdict

_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True)
class BaseAndOther(Generic[_Value]):
    """The same thing of both sides of a comparison."""

    base: _Value
    other: _Value


@dataclass(frozen=True, kw_only=True)
class ScoreChange:
    """A score of both sides, and its difference with the 95 % interval."""

    base: float
    other: float
    difference: Interval


@dataclass(frozen=True, kw_only=True)
class ClassChange:
    """The error rate of one class on both sides; p_holm is adjusted for all classes together."""

    label: str
    images: int
    base: float  # share of its images that is wrong
    other: float
    low: float  # ends of the 95 % interval of the difference
    high: float
    p: float
    p_holm: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ChangedImage:
    """A common image that is newly wrong or newly right, with what each side predicted."""

    path: str
    actual: str
    base: str
    other: str


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One run of a setup, with its error rate on the common images."""

    name: str
    seed: YamlValue  # as dvc.lock has it
    error_rate: float


@dataclass(frozen=True, kw_only=True)
class SeedRuns:
    """The runs of a setup that differ only in their seed."""

    runs: Sequence[SeedRun]
    sd: float | None  # standard deviation of their error rates; None for a single run


@dataclass(frozen=True, kw_only=True)
class ConfidenceSummary:
    """Calibration in three numbers."""

    confidence: float  # mean probability of the predicted class
    accuracy: float
    gap: float  # expected calibration error


@dataclass(frozen=True, kw_only=True)
class ImageCounts:
    """How many images were added, removed, relabelled and so on: DataChanges in numbers."""

    counts: Mapping[str, int]  # kind -> images
    by_class: Mapping[str, Mapping[str, int]]  # label -> kind -> images


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the two sides used that differs."""

    stages: Sequence[StageDifference] | None  # None where a dvc.lock is missing
    data: ImageCounts | None  # None where a list of images is not at hand
    # The processors or GPUs that made the models, where both are known and differ.
    processors: BaseAndOther[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ChoosingRecord:
    """The best of all runs that git has on the same images, corrected for having been chosen."""

    runs: int  # seeds and experiments among them; at least 2
    images: int  # that all of them have under the same label
    best: str  # an experiment, a tag, the first digits of a commit, or the workspace
    error_rate: Interval  # as if it had been the only run
    corrected: Interval  # see stats/choosing.py


@dataclass(frozen=True, kw_only=True)
class ComparisonRecord:
    """One setup, the other, against the base on their common validation images."""

    base: str  # names
    other: str
    base_commit: str  # first digits; "" for the workspace
    other_commit: str
    # That both have one model, to the byte, and answer alike: then nothing is estimated, and the
    # ends of each interval are its difference. "" where not, or where it is not known.
    same_model: str
    verdict: Verdict  # the other is better than the base, or worse, or cannot tell
    difference: Interval  # of the error rates
    p: float
    p_holm: float  # adjusted for all comparisons made at once; it decides the verdict
    n_common: int  # images
    groups: int | None = None  # of these images, which p and intervals count; None without groups
    error_rate: BaseAndOther[float | None]  # None without common images
    only_base_right: int  # images
    only_other_right: int
    # How many images, in groups as large, would give a verdict; None where none are needed.
    images_to_tell: int | None
    macro_f1: ScoreChange | None  # None without common images, or of one group
    macro_recall: ScoreChange | None  # None so too, and where classes are about equal
    log_loss: ScoreChange | None  # None where a side has no losses
    seeds: BaseAndOther[SeedRuns] | None  # None where both sides are single runs
    confidence: BaseAndOther[ConfidenceSummary | None]
    choosing: ChoosingRecord | None  # None where fewer than two runs have the other's images
    not_common: Mapping[str, int]  # reason, of pairing.REASONS -> validation images
    classes: Sequence[ClassChange]
    newly_wrong: Sequence[ChangedImage]
    newly_right: Sequence[ChangedImage]
    changed: Changes
    notes: Sequence[str]  # what to know before believing the comparison


def records_as_json(records: Sequence[ComparisonRecord]) -> list[dict[str, object]]:
    """Return the content of compare.json: an object for each comparison.

    The key groups stands only where images belong to groups.
    """
    return [
        {key: value for key, value in asdict(record).items() if (key, value) != ("groups", None)}
        for record in records
    ]
