"""All numbers of the report: the usual ones, as scikit-learn has them, and plain JSON."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from tests.stats.test_interpretation import interpreted, predictions_of, value_of


def test_metrics_agree_with_scikit_learn() -> None:
    """Accuracy, error rate and macro F1 are the usual ones, for the model and the baseline."""
    predictions, baseline = predictions_of(list("abcdefg"))
    metrics = interpreted(predictions, baseline).metrics
    both = [
        (metrics, np.asarray(predictions.pred_probs)),
        (metrics["baseline"], np.asarray(baseline.valid_pred_probs)),
    ]
    for scores, pred_probs in both:
        predicted = pred_probs.argmax(axis=1)
        right = accuracy_score(predictions.targets, predicted)
        assert scores["accuracy"]["value"] == pytest.approx(right)
        assert scores["error_rate"]["value"] == pytest.approx(1 - right)
        assert scores["macro_f1"]["value"] == pytest.approx(
            f1_score(predictions.targets, predicted, average="macro")
        )
        for interval in (
            scores["error_rate"], scores["accuracy"], scores["macro_precision"],
            scores["macro_recall"], scores["macro_f1"], scores["top_3"], scores["top_5"],
        ):  # fmt: skip
            assert interval["low"] <= value_of(interval) <= interval["high"]
    assert metrics["images"] == 40
    assert metrics["errors"] == round(value_of(metrics["error_rate"]) * 40)


def test_metrics_are_plain_json() -> None:
    """No value has a type of numpy, and no number is one that JSON lacks."""
    for right in (-1.0, 0.5, 3.0):
        metrics = interpreted(*predictions_of(list("abc"), right=right)).metrics
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_top_five_needs_more_than_five_classes() -> None:
    """With five classes or fewer the top-5 accuracy would always be one, so it is left out."""
    assert "top_5" not in interpreted(*predictions_of(list("abcde"))).metrics
    assert "top_5" in interpreted(*predictions_of(list("abcdef"))).metrics


def test_the_same_seed_the_same_result() -> None:
    """All draws come from the seed."""
    first = interpreted(*predictions_of(list("abc"))).metrics
    assert interpreted(*predictions_of(list("abc"))).metrics == first
