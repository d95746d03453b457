"""All numbers of the report: the usual ones, as scikit-learn has them, and plain JSON."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from stages.stats.metrics_record import IntervalRecord
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


def by_groups(size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report of images of which each stands there so many times, counted and grouped."""
    once, probe = predictions_of(list("abcdefg"))
    rows = np.repeat(np.arange(len(once.paths)), size)
    paths = np.array([f"{once.paths[row]}-{number % size}" for number, row in enumerate(rows)])
    copied = replace(
        once,
        paths=paths,
        targets=once.targets[rows],
        pred_probs=np.asarray(once.pred_probs)[rows],
    )
    old = {path: row for row, path in enumerate(probe.paths.tolist())}
    own = [old[path] for path in once.paths.tolist()]
    baseline = replace(
        probe,
        paths=paths,
        targets=probe.targets[own][rows],
        pred_probs=np.asarray(probe.pred_probs)[own][rows],
        valid_paths=paths,
        valid_pred_probs=np.asarray(probe.valid_pred_probs)[rows],
    )
    grouped = copied.with_groups({path: path.rpartition("-")[0] for path in paths.tolist()})
    counted = interpreted(copied, baseline).metrics
    return {**counted}, {**interpreted(grouped, baseline).metrics}


def test_copies_of_images_are_worth_no_more_than_the_images() -> None:
    """Each image six times: counted, intervals are narrow; as groups those of the images once."""
    counted, grouped = by_groups(6)
    once: dict[str, Any] = {**interpreted(*predictions_of(list("abcdefg"))).metrics}
    assert "groups" not in counted
    assert (grouped["groups"], grouped["versus_baseline"]["groups"]) == (40, 40)
    for name in ("error_rate", "accuracy", "top_3", "top_5", "largest_class_error"):
        assert grouped[name] == pytest.approx(once[name])
        assert width(grouped[name]) > 2 * width(counted[name])
    assert grouped["versus_baseline"]["p"] == pytest.approx(once["versus_baseline"]["p"])
    difference = grouped["versus_baseline"]["difference"]
    assert difference == pytest.approx(once["versus_baseline"]["difference"])
    for name in ("macro_recall", "macro_f1", "macro_precision", "kappa"):
        assert grouped[name]["value"] == pytest.approx(counted[name]["value"])
        assert width(grouped[name]) > 2 * width(counted[name])
    assert width(grouped["calibration"]["ece"]) > width(counted["calibration"]["ece"])
    assert grouped["calibration"]["ece_by_chance"] > counted["calibration"]["ece_by_chance"]
    for name, tendency in grouped["conditions"].items():
        assert tendency["p"] >= counted["conditions"][name]["p"]


def width(interval: IntervalRecord) -> float:
    """Return how far apart the ends are."""
    return interval["high"] - interval["low"]


def test_where_no_images_share_a_group_nothing_changes() -> None:
    """Names of single images give the very report that no names give, to the byte."""
    predictions, baseline = predictions_of(list("abc"))
    plain = interpreted(predictions, baseline)
    for names in ({}, {path: path for path in predictions.paths.tolist()}, {"other": "anna"}):
        named = interpreted(predictions.with_groups(names), baseline)
        assert json.dumps(named.metrics) == json.dumps(plain.metrics)
        for name, table in named.tables().items():
            assert table.to_csv() == plain.tables()[name].to_csv()


@pytest.mark.parametrize("right", [-1.0, 0.5, 9.0])
def test_one_group_gives_a_report_of_plain_json(right: float) -> None:
    """All images of one person: no interval is finite by luck, and no number is one JSON lacks."""
    predictions, baseline = predictions_of(list("abc"), right=right)
    grouped = predictions.with_groups(dict.fromkeys(predictions.paths.tolist(), "anna"))
    result = interpreted(grouped, baseline)
    assert json.loads(json.dumps(result.metrics, allow_nan=False)) == result.metrics
    assert result.metrics["groups"] == 1
    assert result.metrics["versus_baseline"]["verdict"] == "cannot tell"
    assert result.metrics["calibration"]["temperature"] is None
    assert width(result.metrics["error_rate"]) > 0.7
