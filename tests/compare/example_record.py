"""An example of a comparison's record."""

from dataclasses import replace
from typing import Any

from stages.compare.record import (
    BaseAndOther,
    ChangedImage,
    Changes,
    ClassChange,
    ComparisonRecord,
    ConfidenceSummary,
    ImageCounts,
    ScoreChange,
)
from stages.compare.stage_differences import Effect, StageDifference
from stages.stats.intervals import Interval


def stage_difference(
    stage: str, effect: Effect = "possible", **differences: Any
) -> StageDifference:
    """Return what differs at one stage."""
    nothing: dict[str, Any] = {"params": {}, "packages": {}, "code": {}, "inputs": {}}
    return StageDifference(stage=stage, effect=effect, **{**nothing, **differences})


CLASS_CHANGE = ClassChange(
    label="cat",
    images=100,
    base=0.05,
    other=0.03,
    low=-0.05,
    high=0.01,
    p=0.5,
    p_holm=0.5,
    verdict="cannot tell",
)
RECORD = ComparisonRecord(
    base="main",
    other="branch",
    base_commit="0123456789",
    other_commit="9876543210",
    same_model="",
    verdict="cannot tell",
    difference=Interval(-0.01, -0.03, 0.01),
    p=0.4,
    p_holm=0.4,
    n_common=200,
    error_rate=BaseAndOther(base=0.05, other=0.04),
    only_base_right=4,
    only_other_right=6,
    images_to_tell=7700,
    macro_recall=None,
    macro_f1=ScoreChange(base=0.94, other=0.95, difference=Interval(0.01, -0.02, 0.04)),
    log_loss=ScoreChange(base=0.2, other=0.15, difference=Interval(-0.05, -0.1, 0.01)),
    seeds=None,
    confidence=BaseAndOther(
        base=ConfidenceSummary(confidence=0.9, accuracy=0.95, gap=0.05),
        other=ConfidenceSummary(confidence=0.95, accuracy=0.96, gap=0.02),
    ),
    choosing=None,
    not_common={},
    classes=[CLASS_CHANGE],
    newly_wrong=[ChangedImage(path="a/b.jpg", actual="cat", base="cat", other="dog")],
    newly_right=[],
    changed=Changes(
        stages=[stage_difference("fine_tune", params={"fine_tune.epochs": (4, 8)})],
        data=ImageCounts(counts={}, by_class={}),
    ),
    notes=[],
)


def example_record(**changes: Any) -> ComparisonRecord:
    """Return a comparison of 200 images that cannot tell, with some values replaced."""
    return replace(RECORD, **changes)
