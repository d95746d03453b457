"""The typed record of details.json, against the metrics of an example."""

import subprocess
import sys
from collections.abc import Mapping
from typing import get_args

import pytest

from stages.stats.metrics_record import (
    CalibrationRecord,
    IntervalRecord,
    Metrics,
    PairedRecord,
    Scores,
    SliceTendency,
    TemperatureRecord,
    Tendency,
    ThresholdRecord,
    Verdict,
)
from tests.example_results import example_metrics


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    """Return the metrics of six classes, so that every optional score is there."""
    return example_metrics()


def keys(record: Mapping[str, object]) -> list[str]:
    """Return the keys of a record in their order."""
    return list(record)


def test_the_scores_come_first_then_the_rest(metrics: Metrics) -> None:
    """The keys of the file are those of the type, and stand in its order."""
    scores = list(Scores.__annotations__)
    assert keys(metrics["baseline"]) == scores
    assert keys(metrics)[: len(scores)] == scores
    assert keys(metrics) == [
        *scores, "baseline", "versus_baseline", "images", "errors", "classes",
        "unequal_classes", "largest_class_error", "kappa", "calibration", "sure", "conditions",
        "recipe", "trial",
    ]  # fmt: skip
    everything = {*Metrics.__required_keys__, *Metrics.__optional_keys__}
    assert {*keys(metrics), "folds", "groups"} == everything
    assert Metrics.__optional_keys__ == {
        *("top_3", "top_5", "unequal_classes", "largest_class_error", "kappa", "folds", "groups")
    }


def test_every_record_inside_has_the_keys_of_its_type(metrics: Metrics) -> None:
    """No key is missing, added or out of order at any depth."""
    temperature = metrics["calibration"]["temperature"]
    assert temperature is not None
    assert keys(metrics["accuracy"]) == list(IntervalRecord.__annotations__)
    assert [*keys(metrics["versus_baseline"]), "groups"] == list(PairedRecord.__annotations__)
    assert keys(metrics["calibration"]) == list(CalibrationRecord.__annotations__)
    assert keys(temperature) == list(TemperatureRecord.__annotations__)
    assert keys(temperature["nll_change"]) == list(IntervalRecord.__annotations__)
    assert keys(metrics["sure"]) == ["95", "99"]
    for threshold in metrics["sure"].values():
        assert keys(threshold) == list(ThresholdRecord.__annotations__)
    assert keys(metrics["conditions"]) == ["size", "brightness", "sharpness", "class_size"]
    for tendency in metrics["conditions"].values():
        assert keys(tendency) == list(SliceTendency.__annotations__)


def test_words_are_those_of_their_types(metrics: Metrics) -> None:
    """The verdict and the tendency are among the words that a reader may rely on."""
    assert metrics["versus_baseline"]["verdict"] in get_args(Verdict)
    assert metrics["calibration"]["tendency"] in get_args(Tendency)


def test_the_types_need_no_other_package() -> None:
    """A command that reads the file imports nothing heavy for its types."""
    code = (
        "import sys, stages.stats.metrics_record;"
        "print([m for m in ('numpy', 'pandas', 'scipy', 'sklearn') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
