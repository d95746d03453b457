"""The record of all checks as summary.json holds it: counts, classes, findings, steps, losses."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NotRequired, TypedDict

import pandas as pd

from stages.checks.finding import Finding, Severity
from stages.checks.resampling_loss import ResamplingLoss, mean_losses
from stages.checks.trace_log import TraceStep
from stages.dataset.split_files import SPLIT_VALUES


class ClassCounts(TypedDict):
    """A class with its number of images on each side of the split but the test, which is sealed."""

    label: str
    train: int
    valid: NotRequired[int]  # by folds all that train are validated
    excluded: int


class FindingRecord(TypedDict):
    """A finding, field by field."""

    severity: Severity
    check: str
    message: str
    paths: Sequence[str]
    leak: str  # why the error in validation may look too small; "" where it does not


class ExcludedImage(TypedDict):
    """An image that is kept out of training, and why: its twin, and how far they differ."""

    path: str
    reason: str


class DuplicateCounts(TypedDict):
    """The pairs of duplicates by kind, and the images that are kept out of training for one."""

    exact: int
    same: int
    alike: int
    series: int
    excluded: list[ExcludedImage]


class CheckSummary(TypedDict):
    """The content of summary.json."""

    counts: dict[str, int]  # images by side of the split, and the number of classes
    classes: list[ClassCounts]
    duplicates: DuplicateCounts
    findings: list[FindingRecord]
    steps: list[dict[str, object]]  # the fields of a TraceStep each
    presizing: dict[str, dict[str, float]]  # mean losses by method of resampling


def summarise_checks(
    classes: pd.DataFrame,
    duplicates: DuplicateCounts,
    findings: Sequence[Finding],
    steps: Sequence[TraceStep],
    losses: Sequence[ResamplingLoss],
) -> CheckSummary:
    """Return the record; classes is as of `count_classes`."""
    splits = [split for split in SPLIT_VALUES if split in classes]
    counts = {split: int(classes[split].sum()) for split in splits}
    counts["classes"] = len(classes)
    records = [
        FindingRecord(
            severity=finding.severity,
            check=finding.check,
            message=finding.message,
            paths=finding.paths,
            leak=finding.leak,
        )
        for finding in findings
    ]
    return CheckSummary(
        counts=counts,
        classes=[_class_counts(row) for row in classes.to_dict("records")],
        duplicates=duplicates,
        findings=records,
        steps=[asdict(step) for step in steps],
        presizing=mean_losses(losses),
    )


def count_duplicates(duplicates: pd.DataFrame, splits: pd.DataFrame) -> DuplicateCounts:
    """Return the pairs by kind and the excluded images; the tables are as datablock writes them."""
    kinds = duplicates["kind"].value_counts()
    excluded = splits[splits["split"] == "excluded"]
    counts = {kind: int(kinds.get(kind, 0)) for kind in ("exact", "same", "alike", "series")}
    return DuplicateCounts(
        exact=counts["exact"],
        same=counts["same"],
        alike=counts["alike"],
        series=counts["series"],
        excluded=[
            ExcludedImage(path=path, reason=reason)
            for path, reason in zip(excluded["path"], excluded["reason"], strict=True)
        ],
    )


def _class_counts(row: Mapping[Hashable, Any]) -> ClassCounts:
    if "valid" not in row:
        return ClassCounts(label=row["label"], train=row["train"], excluded=row["excluded"])
    return ClassCounts(
        label=row["label"], train=row["train"], valid=row["valid"], excluded=row["excluded"]
    )
