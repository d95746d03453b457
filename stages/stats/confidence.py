"""Confidence of the model at work: its temperature, and from where on an answer is sure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stages.stats.metrics_record import Metrics, ThresholdRecord
from stages.stats.predictions import Predictions
from stages.stats.selective import find_threshold
from stages.stats.temperature import apply_temperature


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Temperature and thresholds, for the validation images that they were found on."""

    temperature: float  # 1 where too few images were there to fit one, or where it harms
    pred_probs: np.ndarray  # (V, C) float64, calibrated
    sure: Mapping[str, ThresholdRecord]  # by the level in percent, for calibrated confidence

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Return level in percent -> the smallest calibrated confidence to accept, if any."""
        return {level: record["threshold"] for level, record in self.sure.items()}


def find_confidence(predictions: Predictions, metrics: Metrics) -> Confidence:
    """Return the confidence that follows from the report's numbers.

    The report's thresholds are of confidence without temperature. An image's calibrated confidence
    depends on its other probabilities too, so thresholds are found again, not converted.
    """
    temperature = useful_temperature(metrics)
    pred_probs = apply_temperature(predictions.pred_probs, temperature)
    confidence = pred_probs.max(axis=1)
    right = pred_probs.argmax(axis=1) == predictions.targets
    return Confidence(
        temperature=temperature,
        pred_probs=pred_probs,
        sure={
            level: find_threshold(confidence, right, int(level) / 100).as_dict()
            for level in metrics["sure"]
        },
    )


def useful_temperature(metrics: Metrics) -> float:
    """Return the report's temperature; 1 where there is none, or where it makes the loss larger."""
    record = metrics["calibration"]["temperature"]
    if record is None or record["nll_change"]["low"] > 0:
        return 1.0
    return record["value"]
