"""The confidence of the model at work is the report's."""

import pytest

from stages.stats.confidence import find_confidence
from tests.example_results import example_metrics

METRICS = example_metrics()


@pytest.mark.parametrize("temperature", [1.0, 1.6])
def test_confidence_is_that_of_the_report(temperature: float) -> None:
    """The temperature is the one that the report applies, and the thresholds are its own."""
    sure = {level: {**record, "threshold": 0.7} for level, record in METRICS["sure"].items()}
    sure["99"] = {**sure["99"], "threshold": None}
    calibration = {**METRICS["calibration"], "applied_temperature": temperature}
    metrics = {**METRICS, "calibration": calibration, "sure": sure}
    confidence = find_confidence(metrics)  # type: ignore[arg-type]
    assert confidence.temperature == temperature
    assert confidence.thresholds == {"95": 0.7, "99": None}
