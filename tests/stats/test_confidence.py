"""The confidence of the model at work follows from the report's numbers."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from stages.stats.confidence import find_confidence, useful_temperature
from stages.stats.metrics_record import Metrics
from stages.stats.predictions import Predictions
from stages.stats.selective import find_threshold
from stages.stats.temperature import apply_temperature
from tests.example_results import example_predictions


def metrics_with(value: float | None, low: float = -1.0) -> Metrics:
    """Return what is read of the report: a temperature, and the levels of its thresholds."""
    temperature = None if value is None else {"value": value, "nll_change": {"low": low}}
    return cast(
        "Metrics",
        {"calibration": {"temperature": temperature}, "sure": {"95": {}, "99": {}}},
    )


def predictions(bce: bool = False) -> Predictions:
    """Return predictions of 400 validation images of three classes."""
    targets = np.arange(2000) // 5 % 3
    paths = np.array([f"{number:05}.jpg" for number in range(2000)])
    return example_predictions(["cat", "dog", "owl"], targets, paths, 0.995, bce)[0]


@pytest.mark.parametrize("bce", [False, True])
def test_probabilities_are_divided_by_the_temperature(bce: bool) -> None:
    """The calibrated probabilities are the report's own, at its temperature."""
    record = predictions(bce)
    confidence = find_confidence(record, metrics_with(1.6))
    assert confidence.temperature == 1.6
    np.testing.assert_array_equal(confidence.pred_probs, apply_temperature(record.pred_probs, 1.6))


def test_thresholds_are_of_calibrated_confidence() -> None:
    """Above the threshold the model is right at the level, counted on calibrated confidence."""
    record = predictions()
    confidence = find_confidence(record, metrics_with(2.0))
    threshold = confidence.thresholds["95"]
    assert threshold is not None
    calibrated = confidence.pred_probs.max(axis=1)
    right = confidence.pred_probs.argmax(axis=1) == record.targets
    assert right[calibrated >= threshold].mean() >= 0.95
    raw = record.pred_probs.max(axis=1).astype(float)
    assert threshold < (find_threshold(raw, right, 0.95).threshold or 0)
    assert list(confidence.thresholds) == ["95", "99"]


def test_too_few_images_have_no_threshold() -> None:
    """Where no threshold can be shown it is None, with the reason beside it."""
    record = predictions()
    few = replace(
        record,
        paths=record.paths[:20],
        targets=record.targets[:20],
        pred_probs=record.pred_probs[:20],
    )
    confidence = find_confidence(few, metrics_with(None))
    assert confidence.thresholds == {"95": None, "99": None}
    assert "so few images" in confidence.sure["95"]["reason"]


@pytest.mark.parametrize(
    ("value", "low", "expected"), [(None, 0.0, 1.0), (0.9, -0.1, 0.9), (0.9, 0.01, 1.0)]
)
def test_a_temperature_that_harms_is_left_out(
    value: float | None, low: float, expected: float
) -> None:
    """Without a temperature, or where the loss surely grows with it, the divisor is one."""
    assert useful_temperature(metrics_with(value, low)) == expected
