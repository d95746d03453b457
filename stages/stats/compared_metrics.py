"""The few numbers by which runs are compared: the content of reports/interpret/metrics.json.

DVC makes a column of every number in a file of metrics, so all others are in details.json alone.
"""

from typing import TypedDict

from stages.stats.metrics_record import IntervalRecord, Metrics, Verdict


class BaselineError(TypedDict):
    """The scores of the linear probe that runs are compared by."""

    error_rate: IntervalRecord


class EstimateRecord(TypedDict):
    """An estimate, whose interval is in details.json."""

    value: float | None


class VersusBaseline(TypedDict):
    """The fine-tuned model against the linear probe: see metrics_record.PairedRecord."""

    verdict: Verdict
    p: float
    difference: EstimateRecord


class ComparedMetrics(TypedDict):
    """The whole of metrics.json; each value stands in details.json under the same keys."""

    error_rate: IntervalRecord
    accuracy: IntervalRecord
    macro_recall: IntervalRecord
    baseline: BaselineError
    versus_baseline: VersusBaseline
    images: int
    unequal_classes: bool  # the recall then says more than the accuracy


def compared_metrics(metrics: Metrics) -> ComparedMetrics:
    """Return what runs are compared by, of all the report's numbers."""
    versus = metrics["versus_baseline"]
    return {
        "error_rate": metrics["error_rate"],
        "accuracy": metrics["accuracy"],
        "macro_recall": metrics["macro_recall"],
        "baseline": {"error_rate": metrics["baseline"]["error_rate"]},
        "versus_baseline": {
            "verdict": versus["verdict"],
            "p": versus["p"],
            "difference": {"value": versus["difference"]["value"]},
        },
        "images": metrics["images"],
        "unequal_classes": metrics["unequal_classes"],
    }
