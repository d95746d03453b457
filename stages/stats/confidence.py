"""Confidence of the model at work: its temperature, and from where on an answer is sure."""

from collections.abc import Mapping
from dataclasses import dataclass

from stages.stats.metrics_record import Metrics, ThresholdRecord


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Temperature and thresholds, for the validation images that they were found on."""

    temperature: float  # as the report applies it
    calibrated: bool  # whether there were images enough to fit one
    sure: Mapping[str, ThresholdRecord]  # by the level in percent

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Return level in percent -> the smallest calibrated confidence to accept, if any."""
        return {level: record["threshold"] for level, record in self.sure.items()}


def find_confidence(metrics: Metrics) -> Confidence:
    """Return the confidence that the report's numbers are about."""
    return Confidence(
        temperature=metrics["calibration"]["applied_temperature"],
        calibrated=metrics["calibration"]["temperature"] is not None,
        sure=metrics["sure"],
    )
