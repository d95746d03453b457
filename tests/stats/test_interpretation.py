"""Every number and table of the report, from predictions of the model and the baseline."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import precision_score

from stages.base.errors import UserError
from stages.stats.interpret_params import InterpretParams
from stages.stats.interpretation import Interpretation, interpret
from stages.stats.label_issues import rank_label_issues
from stages.stats.metrics_record import IntervalRecord
from stages.stats.predictions import Baseline, Predictions
from stages.stats.selective import find_threshold
from stages.stats.temperature import apply_temperature
from tests.example_results import STRANGE_LABELS, example_predictions, example_properties

PARAMS = InterpretParams(top_losses=5, most_confused=3, suspects=4)


def predictions_of(
    labels: list[str], images: int = 200, right: float = 0.9, bce: bool = False
) -> tuple[Predictions, Baseline]:
    """Return predictions of a model of about this accuracy, and a baseline."""
    targets = np.random.default_rng(3).permutation(images) % len(labels)
    paths = np.array([f"{number:04d}.jpg" for number in range(images)])
    return example_predictions(labels, targets, paths, right=right, bce=bce)


def interpreted(predictions: Predictions, baseline: Baseline) -> Interpretation:
    """Return the interpretation with no near-duplicates."""
    properties = example_properties(predictions.paths)
    issues = rank_label_issues(baseline, predictions, pd.Series(dtype=str), PARAMS.suspects)
    return interpret(predictions, baseline, issues, properties, PARAMS, seed=42)


def value_of(interval: IntervalRecord) -> float:
    """Return the value of an interval that has one."""
    assert interval["value"] is not None
    return interval["value"]


def test_the_order_of_the_baselines_images_does_not_matter() -> None:
    """The two files are matched by path."""
    predictions, baseline = predictions_of(list("abc"))
    reversed_baseline = replace(
        baseline,
        valid_paths=baseline.valid_paths[::-1],
        valid_pred_probs=baseline.valid_pred_probs[::-1],
    )
    assert (
        interpreted(predictions, reversed_baseline).metrics
        == interpreted(predictions, baseline).metrics
    )


def test_other_images_or_classes_are_refused() -> None:
    """A baseline of another split or vocabulary cannot be compared with."""
    predictions, baseline = predictions_of(list("abc"))
    other_paths = replace(baseline, valid_paths=np.char.add("x", baseline.valid_paths))
    other_classes = replace(baseline, class_names=np.array(["c", "b", "a"]))
    for other in (other_paths, other_classes):
        with pytest.raises(UserError, match="cannot be compared"):
            interpreted(predictions, other)


def test_no_validation_images_is_an_error_with_a_remedy() -> None:
    """There is nothing to interpret, and the param that helps is named."""
    predictions, baseline = predictions_of(list("abc"))
    none = replace(
        predictions,
        paths=predictions.paths[:0],
        targets=predictions.targets[:0],
        pred_probs=predictions.pred_probs[:0],
    )
    with pytest.raises(UserError, match=r"datablock\.split\.valid"):
        interpreted(none, baseline)


def test_tables_are_as_long_as_params_say() -> None:
    """Top losses, confused pairs and label issues end where the params say."""
    result = interpreted(*predictions_of(list("abcdefg"), right=0.5))
    assert (len(result.top_losses), len(result.most_confused), len(result.label_issues)) == (
        5,
        3,
        4,
    )
    assert result.top_losses["loss"].is_monotonic_decreasing
    assert (
        result.class_metrics["support"].sum()
        == result.metrics["images"]
        == result.confusion_matrix.sum()
    )
    assert result.class_metrics["train"].sum() == 160


def with_classes_missing(labels: list[str]) -> tuple[Predictions, Baseline]:
    """Return predictions without images of the last class, and none of the first class."""
    predictions, baseline = predictions_of(labels, images=300)
    targets = predictions.targets.copy()
    targets[targets == len(labels) - 1] = 1
    pred_probs = np.array(predictions.pred_probs)
    pred_probs[:, 0] = 0
    return replace(predictions, targets=targets, pred_probs=pred_probs), baseline


def test_a_class_without_images_and_one_never_predicted() -> None:
    """Scores without images are empty, and the means are those of scikit-learn."""
    predictions, baseline = with_classes_missing(list("abcde"))
    result = interpreted(predictions, baseline)
    classes = result.class_metrics.set_index("label")
    assert classes["recall"].isna().to_dict() == dict.fromkeys("abcd", False) | {"e": True}
    assert classes["precision"].isna()["a"]
    assert (classes.loc["a", "recall"], classes.loc["a", "recall_low"]) == (0, 0)
    predicted = np.asarray(predictions.pred_probs).argmax(axis=1)
    expected = precision_score(
        predictions.targets, predicted, labels=range(4), average="macro", zero_division=0
    )
    assert result.metrics["macro_precision"]["value"] == pytest.approx(expected)
    assert json.loads(json.dumps(result.metrics, allow_nan=False)) == result.metrics


@pytest.mark.parametrize(("right", "errors"), [(3.0, 0), (-1.0, 40)])
def test_all_right_and_all_wrong(right: float, errors: int) -> None:
    """Both extremes have every number and table, those of mistakes empty where there are none."""
    result = interpreted(*predictions_of(list("abcd"), right=right))
    assert result.metrics["errors"] == errors
    assert (result.confident_mistakes.empty, result.most_confused.empty) == (
        errors == 0,
        errors == 0,
    )
    assert result.coverage["error_rate"].iloc[-1] == errors / 40
    assert result.reliability["accuracy"].unique() == [errors == 0]
    assert set(result.slices["error_rate"]) == {errors / 40}
    assert result.metrics["sure"]["95"]["reason"].startswith("not reachable with so few images")


def test_thresholds_are_of_calibrated_confidence() -> None:
    """Where a temperature is of use, thresholds and coverage are of confidence with it."""
    predictions, baseline = predictions_of(list("abc"), images=4000, right=1.0)
    powers = np.asarray(predictions.pred_probs, float) ** 4
    predictions = replace(predictions, pred_probs=powers / powers.sum(axis=1, keepdims=True))
    result = interpreted(predictions, baseline)
    temperature = result.metrics["calibration"]["applied_temperature"]
    scaling = result.metrics["calibration"]["temperature"]
    assert scaling is not None
    assert temperature == scaling["value"] < 0.5
    confidence = apply_temperature(np.asarray(predictions.pred_probs), temperature).max(axis=1)
    right = np.asarray(predictions.pred_probs).argmax(axis=1) == predictions.targets
    assert result.metrics["sure"]["95"] == find_threshold(confidence, right, 0.95).as_dict()
    assert result.coverage["threshold"].iloc[-1] == confidence.min()


def test_hundreds_of_classes() -> None:
    """Most classes have one validation image or none, and no number or table is missing."""
    predictions, baseline = predictions_of([f"kind {number}" for number in range(250)], images=1000)
    result = interpreted(predictions, baseline)
    assert len(result.class_metrics) == 250
    assert result.confusion_matrix.shape == (250, 250)
    assert value_of(result.metrics["top_5"]) >= value_of(result.metrics["accuracy"])
    assert all(len(table) for table in result.tables().values())
    assert json.loads(json.dumps(result.metrics, allow_nan=False)) == result.metrics


def test_tables_and_numbers_agree() -> None:
    """Coverage ends at the error rate, bins have all images, and all paths are known."""
    predictions, baseline = predictions_of(list("abc"), images=900)
    result = interpreted(predictions, baseline)
    error = result.metrics["error_rate"]["value"]
    assert result.coverage["error_rate"].iloc[-1] == pytest.approx(error)
    assert result.reliability["images"].sum() == 180
    sizes = result.slices.groupby("property")["images"].sum()
    assert sizes.to_dict() == dict.fromkeys(sizes.index, 180)
    assert set(sizes.index) == {"size", "brightness", "sharpness", "class_size"}
    assert set(result.metrics["conditions"]) == set(sizes.index)
    assert set(result.picture_paths()) <= {*baseline.paths}
    assert "" not in result.picture_paths()


@pytest.mark.parametrize("bce", [False, True])
@pytest.mark.parametrize(
    "labels", [STRANGE_LABELS, ["one", "two"], [f"kind {n}" for n in range(50)]]
)
def test_any_labels_and_any_kind_of_probabilities(labels: list[str], bce: bool) -> None:
    """Strange names, few and many classes, some without images, rows that sum to anything."""
    predictions, baseline = predictions_of(labels, images=120, bce=bce)
    result = interpreted(predictions, baseline)
    assert set(result.class_metrics["label"]) == set(labels)
    assert np.isfinite(result.top_losses["loss"]).all()


@pytest.mark.parametrize(
    "change",
    [{"top_losses": 0}, {"top_losses": 201}, {"most_confused": 0}, {"most_confused": 101},
     {"suspects": -1}, {"suspects": 1001}, {"suspects": "many"}, {"more": 1}],
)  # fmt: skip
def test_params_have_bounds(change: dict[str, object]) -> None:
    """What the page cannot show is refused."""
    with pytest.raises(ValidationError):
        InterpretParams.model_validate({**PARAMS.model_dump(), **change})


def by_folds(labels: list[str]) -> tuple[Predictions, Baseline]:
    """Return predictions of all images by three folds, and a baseline of the same folds."""
    predictions, baseline = predictions_of(labels)
    targets = baseline.targets
    pooled = replace(
        predictions,
        paths=baseline.paths,
        targets=targets,
        pred_probs=np.asarray(baseline.pred_probs),
        train_paths=baseline.paths,
        train_targets=targets,
        train_margins=np.linspace(-1, 1, len(targets), dtype="float32"),
        map_paths=predictions.map_paths,
        folds=np.arange(len(targets)) % 3 + 1,
    )
    return pooled, replace(
        baseline, valid_paths=baseline.paths, valid_pred_probs=baseline.pred_probs
    )


def test_by_folds_all_images_are_judged_and_their_number_is_told() -> None:
    """The scores are of every image, both as trained and as validated, and folds says so last."""
    predictions, baseline = by_folds(list("abc"))
    result = interpreted(predictions, baseline)
    wrong = np.asarray(predictions.pred_probs).argmax(axis=1) != predictions.targets
    assert value_of(result.metrics["error_rate"]) == pytest.approx(wrong.mean())
    assert result.metrics["images"] == len(wrong) == result.class_metrics["train"].sum()
    assert list(result.metrics)[-1] == "folds"
    assert result.metrics["folds"] == 3
    assert "folds" not in interpreted(*predictions_of(list("abc"))).metrics
