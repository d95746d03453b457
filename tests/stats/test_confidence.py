"""The confidence of the model at work is the report's."""

import numpy as np
import pytest

from stages.stats.confidence import find_confidence
from stages.stats.temperature import apply_temperature
from tests.example_results import example_metrics, example_predictions

METRICS = example_metrics()


@pytest.mark.parametrize("bce", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 1.6])
def test_confidence_is_that_of_the_report(bce: bool, temperature: float) -> None:
    """Probabilities are divided by the temperature that the report applies; thresholds are its."""
    targets = np.arange(100) % 3
    paths = np.array([f"{number:05}.jpg" for number in range(100)])
    predictions = example_predictions(["cat", "dog", "owl"], targets, paths, 0.9, bce)[0]
    sure = {level: {**record, "threshold": 0.7} for level, record in METRICS["sure"].items()}
    sure["99"] = {**sure["99"], "threshold": None}
    calibration = {**METRICS["calibration"], "applied_temperature": temperature}
    metrics = {**METRICS, "calibration": calibration, "sure": sure}
    confidence = find_confidence(predictions, metrics)  # type: ignore[arg-type]
    assert confidence.temperature == temperature
    assert confidence.thresholds == {"95": 0.7, "99": None}
    expected = apply_temperature(predictions.pred_probs, temperature)
    np.testing.assert_array_equal(confidence.pred_probs, expected)
