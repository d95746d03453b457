"""Confidence of the model at work: its temperature, and from where on an answer is sure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stages.stats.metrics_record import Metrics, ThresholdRecord
from stages.stats.predictions import Predictions
from stages.stats.temperature import apply_temperature


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Temperature and thresholds, for the validation images that they were found on."""

    temperature: float  # as the report applies it
    calibrated: bool  # whether there were images enough to fit one
    pred_probs: np.ndarray  # (V, C) float64, calibrated
    sure: Mapping[str, ThresholdRecord]  # by the level in percent

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Return level in percent -> the smallest calibrated confidence to accept, if any."""
        return {level: record["threshold"] for level, record in self.sure.items()}


def find_confidence(predictions: Predictions, metrics: Metrics) -> Confidence:
    """Return the confidence that the report's numbers are about."""
    temperature = metrics["calibration"]["applied_temperature"]
    return Confidence(
        temperature=temperature,
        calibrated=metrics["calibration"]["temperature"] is not None,
        pred_probs=apply_temperature(predictions.pred_probs, temperature),
        sure=metrics["sure"],
    )
