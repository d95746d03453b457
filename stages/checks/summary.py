"""The record of all checks as summary.json holds it: counts, classes, findings, steps, losses."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TypedDict

import pandas as pd

from stages.checks.findings import Finding, Severity
from stages.checks.resampling_loss import ResamplingLoss, mean_losses
from stages.checks.trace_log import TraceStep
from stages.dataset.splits import SPLIT_VALUES


class ClassCounts(TypedDict):
    """A class with its number of images on each side of the split."""

    label: str
    train: int
    valid: int
    excluded: int


class FindingRecord(TypedDict):
    """A finding, field by field."""

    severity: Severity
    check: str
    message: str
    paths: Sequence[str]


class CheckSummary(TypedDict):
    """The content of summary.json."""

    counts: dict[str, int]  # images by side of the split, and the number of classes
    classes: list[ClassCounts]
    findings: list[FindingRecord]
    steps: list[dict[str, object]]  # the fields of a TraceStep each
    presizing: dict[str, dict[str, float]]  # mean losses by method of resampling


def summarise_checks(
    classes: pd.DataFrame,
    findings: Sequence[Finding],
    steps: Sequence[TraceStep],
    losses: Sequence[ResamplingLoss],
) -> CheckSummary:
    """Return the record; classes is as of `count_classes`."""
    counts = {split: int(classes[split].sum()) for split in SPLIT_VALUES}
    counts["classes"] = len(classes)
    class_counts = [
        ClassCounts(label=label, train=int(train), valid=int(valid), excluded=int(excluded))
        for label, train, valid, excluded in classes[["label", *SPLIT_VALUES]].to_numpy()
    ]
    records = [
        FindingRecord(
            severity=finding.severity,
            check=finding.check,
            message=finding.message,
            paths=finding.paths,
        )
        for finding in findings
    ]
    return CheckSummary(
        counts=counts,
        classes=class_counts,
        findings=records,
        steps=[asdict(step) for step in steps],
        presizing=mean_losses(losses),
    )
