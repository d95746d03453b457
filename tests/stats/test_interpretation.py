"""All numbers and tables from the two files of probabilities."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import accuracy_score, f1_score, precision_score

from stages.base.errors import UserError
from stages.stats.interpretation import Interpretation, InterpretParams, interpret
from stages.stats.predictions import Baseline, Predictions
from tests.example_results import NASTY, arrays, properties

PARAMS = InterpretParams(top_losses=5, most_confused=3, suspects=4)


def made_up(
    labels: list[str], images: int = 200, right: float = 0.9, bce: bool = False
) -> tuple[Predictions, Baseline]:
    """Return made-up predictions and baseline."""
    targets = np.random.default_rng(3).permutation(images) % len(labels)
    paths = np.array([f"{number:04d}.jpg" for number in range(images)])
    return arrays(labels, targets, paths, right=right, bce=bce)


def told(predictions: Predictions, baseline: Baseline) -> Interpretation:
    """Return the interpretation with no near-duplicates."""
    return interpret(
        predictions, baseline, pd.Series(dtype=str), properties(predictions.paths), PARAMS, seed=42
    )


def test_metrics_agree_with_scikit_learn() -> None:
    """Accuracy, error rate and macro F1 are the usual ones, for the model and the baseline."""
    predictions, baseline = made_up(list("abcdefg"))
    metrics = told(predictions, baseline).metrics
    for scores, rows in (
        (metrics, predictions.pred_probs),
        (metrics["baseline"], baseline.valid_pred_probs),
    ):
        named = rows.argmax(axis=1)
        right = accuracy_score(predictions.targets, named)
        assert scores["accuracy"]["value"] == pytest.approx(right)
        assert scores["error_rate"]["value"] == pytest.approx(1 - right)
        assert scores["macro_f1"]["value"] == pytest.approx(
            f1_score(predictions.targets, named, average="macro")
        )
        for interval in scores.values():
            if isinstance(interval, dict) and "low" in interval:
                assert interval["low"] <= interval["value"] <= interval["high"]
    assert metrics["images"] == 40
    assert metrics["errors"] == round(metrics["error_rate"]["value"] * 40)


def test_metrics_are_plain_json() -> None:
    """Nothing from numpy is left, and no number that JSON lacks."""
    for right in (-1.0, 0.5, 3.0):
        metrics = told(*made_up(list("abc"), right=right)).metrics
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_top_five_needs_more_than_five_classes() -> None:
    """With five classes or fewer the top-5 accuracy would always be one, so it is left out."""
    assert "top_5" not in told(*made_up(list("abcde"))).metrics
    assert "top_5" in told(*made_up(list("abcdef"))).metrics


def test_the_order_of_the_baselines_images_does_not_matter() -> None:
    """The two files are matched by path."""
    predictions, baseline = made_up(list("abc"))
    turned = replace(
        baseline,
        valid_paths=baseline.valid_paths[::-1],
        valid_pred_probs=baseline.valid_pred_probs[::-1],
    )
    assert told(predictions, turned).metrics == told(predictions, baseline).metrics


def test_other_images_or_classes_are_refused() -> None:
    """A baseline of another split or vocabulary cannot be compared with."""
    predictions, baseline = made_up(list("abc"))
    others = np.char.add("x", baseline.valid_paths)
    for change in ({"valid_paths": others}, {"class_names": np.array(["c", "b", "a"])}):
        with pytest.raises(UserError, match="cannot be compared"):
            told(predictions, replace(baseline, **change))


def test_no_validation_images_is_an_error_with_a_remedy() -> None:
    """There is nothing to interpret, and the param that helps is named."""
    predictions, baseline = made_up(list("abc"))
    none = replace(
        predictions,
        paths=predictions.paths[:0],
        targets=predictions.targets[:0],
        pred_probs=predictions.pred_probs[:0],
    )
    with pytest.raises(UserError, match=r"datablock\.split\.valid"):
        told(none, baseline)


def test_tables_are_as_long_as_params_say() -> None:
    """Worst predictions, confused pairs and suspects end where the params say."""
    result = told(*made_up(list("abcdefg"), right=0.5))
    assert (len(result.worst), len(result.confused), len(result.suspects)) == (5, 3, 4)
    assert result.worst["loss"].is_monotonic_decreasing
    assert result.classes["support"].sum() == result.metrics["images"] == result.matrix.sum()
    assert result.classes["train"].sum() == 160


def lacking(labels: list[str]) -> tuple[Predictions, Baseline]:
    """Return predictions in which the last class validates nowhere and the first is never said."""
    predictions, baseline = made_up(labels, images=300)
    targets = predictions.targets.copy()
    targets[targets == len(labels) - 1] = 1
    rows = predictions.pred_probs.copy()
    rows[:, 0] = 0
    return replace(predictions, targets=targets, pred_probs=rows), baseline


def test_a_class_without_validation_and_one_never_predicted() -> None:
    """Their shares of nothing are empty, and the means are those of scikit-learn."""
    predictions, baseline = lacking(list("abcde"))
    result = told(predictions, baseline)
    classes = result.classes.set_index("label")
    assert np.isnan(classes.loc["e", "recall"])
    assert np.isnan(classes.loc["a", "precision"])
    assert (classes.loc["a", "recall"], classes.loc["a", "recall_low"]) == (0, 0)
    named = predictions.pred_probs.argmax(axis=1)
    expected = precision_score(
        predictions.targets, named, labels=range(4), average="macro", zero_division=0
    )
    assert result.metrics["macro_precision"]["value"] == pytest.approx(expected)
    assert json.loads(json.dumps(result.metrics, allow_nan=False)) == result.metrics


@pytest.mark.parametrize(("right", "errors"), [(3.0, 0), (-1.0, 40)])
def test_all_right_and_all_wrong(right: float, errors: int) -> None:
    """Both extremes have every number and table, those of mistakes empty where there are none."""
    result = told(*made_up(list("abcd"), right=right))
    assert result.metrics["errors"] == errors
    assert (result.surest.empty, result.confused.empty) == (errors == 0, errors == 0)
    assert result.coverage["error_rate"].iloc[-1] == errors / 40
    assert result.reliability["accuracy"].unique() == [errors == 0]
    assert set(result.conditions["error_rate"]) == {errors / 40}
    assert result.metrics["sure"]["95"]["reason"].startswith("not reachable with so few images")


def test_a_thousand_classes() -> None:
    """Most classes validate on one image or none, and everything is told."""
    predictions, baseline = made_up([f"kind {number}" for number in range(1000)], images=4000)
    result = told(predictions, baseline)
    assert len(result.classes) == 1000
    assert result.matrix.shape == (1000, 1000)
    assert result.metrics["top_5"]["value"] >= result.metrics["accuracy"]["value"]
    assert all(len(table) for table in result.tables().values())
    assert json.loads(json.dumps(result.metrics, allow_nan=False)) == result.metrics


def test_tables_and_numbers_agree() -> None:
    """Coverage ends at the error rate, bins hold all images, and named images are known."""
    predictions, baseline = made_up(list("abc"), images=900)
    result = told(predictions, baseline)
    error = result.metrics["error_rate"]["value"]
    assert result.coverage["error_rate"].iloc[-1] == pytest.approx(error)
    assert result.reliability["images"].sum() == 180
    sizes = result.conditions.groupby("property")["images"].sum()
    assert sizes.to_dict() == dict.fromkeys(sizes.index, 180)
    assert set(sizes.index) == {"size", "brightness", "sharpness", "class_size"}
    assert set(result.metrics["conditions"]) == set(sizes.index)
    assert set(result.shown()) <= {*baseline.paths}
    assert "" not in result.shown()


@pytest.mark.parametrize("bce", [False, True])
@pytest.mark.parametrize("labels", [NASTY, ["one", "two"], [f"kind {n}" for n in range(50)]])
def test_any_labels_and_any_kind_of_probabilities(labels: list[str], bce: bool) -> None:
    """Strange names, few and many classes, none to validate, rows that sum to anything."""
    predictions, baseline = made_up(labels, images=120, bce=bce)
    result = told(predictions, baseline)
    assert set(result.classes["label"]) == set(labels)
    assert np.isfinite(result.worst["loss"]).all()


def test_the_same_seed_the_same_result() -> None:
    """All draws come from the seed."""
    one, two = (told(*made_up(list("abc"))).metrics for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    "change",
    [{"top_losses": 0}, {"top_losses": 201}, {"most_confused": 0}, {"most_confused": 101},
     {"suspects": -1}, {"suspects": 1001}, {"suspects": "many"}, {"more": 1}],
)  # fmt: skip
def test_params_have_bounds(change: dict[str, object]) -> None:
    """What the page cannot show is refused."""
    with pytest.raises(ValidationError):
        InterpretParams.model_validate({**PARAMS.model_dump(), **change})
