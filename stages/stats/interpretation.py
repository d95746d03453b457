"""From the model's and the baseline's probabilities to every number and table of the report."""

from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from stages.base.errors import UserError
from stages.base.params import Section
from stages.base.seed import derive, derive_int
from stages.stats.calibration import (
    calibration_by_chance,
    calibration_error_interval,
    reliability_table,
)
from stages.stats.label_issues import rank_label_issues
from stages.stats.mcnemar import compare_paired
from stages.stats.metrics import Score, accuracy, class_metrics, confusion, macro, top_k
from stages.stats.mistakes import confident_mistakes, most_confused, top_losses
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Baseline, Predictions
from stages.stats.selective import coverage_table, find_threshold
from stages.stats.slices import error_slices, slice_tendencies
from stages.stats.temperature import evaluate_temperature

TOPS = (3, 5)  # the k of top-k accuracies, each left out when there are no more classes than that
LEVELS = (95, 99)  # percent of accepted predictions that shall be right


class InterpretParams(Section):
    """The section `interpret` of params.yaml: how much of each the page shows."""

    top_losses: int = Field(ge=1, le=200)  # pictures of the worst predictions, and of the surest
    most_confused: int = Field(ge=1, le=100)  # pairs of classes
    suspects: int = Field(ge=0, le=1000)  # images whose label looks wrong


@dataclass(frozen=True)
class Interpretation:
    """What reports/interpret holds, and the matrix that the page draws."""

    metrics: dict[str, Any]
    matrix: np.ndarray  # (C, C) images, row = actual, column = predicted
    classes: pd.DataFrame  # metrics.by_class, with the number of training images
    confused: pd.DataFrame  # mistakes.most_confused
    worst: pd.DataFrame  # mistakes.top_losses
    surest: pd.DataFrame  # mistakes.confident_mistakes
    suspects: pd.DataFrame  # suspects.rank_suspects
    reliability: pd.DataFrame  # calibration.reliability
    coverage: pd.DataFrame  # sure.coverage_table
    conditions: pd.DataFrame  # conditions.conditions

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files."""
        return {
            "classes": self.classes,
            "most_confused": self.confused,
            "top_losses": self.worst,
            "confident_mistakes": self.surest,
            "suspects": self.suspects,
            "reliability": self.reliability,
            "coverage": self.coverage,
            "conditions": self.conditions,
        }

    def examples(self) -> list[list[str]]:
        """Return the paths of each confused pair's examples."""
        rows = self.confused.filter(like="example").to_numpy()
        return [[path for path in row if path] for row in rows]

    def shown(self) -> list[str]:
        """Return the path of each picture that the page shows, as often as it does."""
        tables = (self.worst, self.surest, self.suspects)
        paths = [path for table in tables for path in table["path"]]
        return paths + [path for row in self.examples() for path in row]


def interpret(
    predictions: Predictions,
    baseline: Baseline,
    groups: pd.Series,
    properties: pd.DataFrame,
    params: InterpretParams,
    seed: int,
) -> Interpretation:
    """Return all that the predictions tell.

    groups: each path's group of near-duplicates; properties: what each validation image is like,
    a row a path.
    """
    class_names, targets = predictions.class_names, predictions.targets
    if len(targets) == 0:
        raise UserError("No image is left for validation; raise datablock.split.valid")
    probe = _same_images(predictions, baseline)
    predicted = predictions.pred_probs.argmax(axis=1)
    confidence, right = predictions.pred_probs.max(axis=1).astype(float), predicted == targets
    matrix = confusion(targets, predicted, len(class_names))
    classes = class_metrics(class_names, matrix)
    classes.insert(1, "train", np.bincount(predictions.train_targets, minlength=len(class_names)))
    properties = properties.loc[predictions.paths]
    properties = properties.assign(class_size=classes["train"].to_numpy()[targets])
    table = outcomes_table(class_names, predictions.paths, targets, predictions.pred_probs)
    metrics = _metrics(predictions, probe, seed)
    sure = {str(level): asdict(find_threshold(confidence, right, level / 100)) for level in LEVELS}
    return Interpretation(
        metrics=metrics | {"sure": sure, "conditions": slice_tendencies(properties, ~right)},
        matrix=matrix,
        classes=classes,
        confused=most_confused(class_names, matrix, table, params.most_confused),
        worst=top_losses(table, params.top_losses),
        surest=confident_mistakes(table, params.top_losses),
        suspects=rank_label_issues(baseline, predictions, groups, params.suspects),
        reliability=reliability_table(confidence, right),
        coverage=coverage_table(confidence, right),
        conditions=error_slices(properties, ~right),
    )


def _same_images(predictions: Predictions, baseline: Baseline) -> np.ndarray:
    """Return the baseline's probabilities of the validation images, in the model's order."""
    same_classes = np.array_equal(predictions.class_names, baseline.class_names)
    places = {path: place for place, path in enumerate(baseline.valid_paths)}
    if not same_classes or set(places) != set(predictions.paths):
        raise UserError(
            "The model and the baseline judged other images or classes, so they cannot be compared;"
            " run dvc repro, which brings both up to date"
        )
    return baseline.valid_pred_probs[[places[path] for path in predictions.paths]]


def _metrics(predictions: Predictions, probe: np.ndarray, seed: int) -> dict[str, Any]:
    """Return what reports/interpret/metrics.json says of all validation images together."""
    targets, pred_probs = predictions.targets, predictions.pred_probs
    right, probe_right = (rows.argmax(axis=1) == targets for rows in (pred_probs, probe))
    versus = asdict(compare_paired(right, probe_right))
    return {
        **_scores(targets, pred_probs, seed),
        "baseline": _scores(targets, probe, seed),
        "versus_baseline": versus,
        "images": len(targets),
        "errors": int(np.sum(~right)),
        "classes": pred_probs.shape[1],
        "calibration": _calibration(predictions, seed),
    }


def _calibration(predictions: Predictions, seed: int) -> dict[str, Any]:
    """Return what metrics.json says of the model's confidence.

    `ece` is to be compared with `ece_by_chance`, which a perfectly calibrated model exceeds on so
    many images one time in twenty.
    """
    targets, pred_probs = predictions.targets, predictions.pred_probs
    confidence = pred_probs.max(axis=1).astype(float)
    right = pred_probs.argmax(axis=1) == targets
    chance, tendency = calibration_by_chance(
        confidence, right, derive(seed, "calibration", "chance")
    )
    ece = calibration_error_interval(confidence, right, chance, derive(seed, "calibration", "ece"))
    # Each path knows its half, whatever other images there are.
    names = (str(path) for path in predictions.paths)
    first = np.array([derive_int(seed, "calibration", name) % 2 == 0 for name in names])
    mended = evaluate_temperature(
        targets, pred_probs, first, derive(seed, "calibration", "temperature")
    )
    return {
        "ece": ece.as_dict(),
        "ece_by_chance": chance,
        "confidence": float(confidence.mean()),
        "tendency": tendency,
        "temperature": None if mended is None else asdict(mended),
    }


def _scores(targets: np.ndarray, pred_probs: np.ndarray, seed: int) -> dict[str, Any]:
    classes = pred_probs.shape[1]
    predicted = pred_probs.argmax(axis=1)
    share = accuracy(targets, predicted)
    scores = {"error_rate": share.complement(), "accuracy": share}
    for score in get_args(Score):
        generator = derive(seed, "interpret", f"macro_{score}")
        scores[f"macro_{score}"] = macro(score, targets, predicted, classes, generator)
    for k in TOPS:
        if classes > k:
            scores[f"top_{k}"] = top_k(targets, pred_probs, k)
    return {name: interval.as_dict() for name, interval in scores.items()}
