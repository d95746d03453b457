"""Interpretation: the report's numbers and tables, from the model's and baseline's predictions."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.base.stored_array import Rows
from stages.stats.calibration import (
    reliability_table,
)
from stages.stats.interpret_params import InterpretParams
from stages.stats.metrics import class_metrics, class_sizes, confusion
from stages.stats.metrics_record import (
    Metrics,
    RecipeRecord,
    TrialRecord,
)
from stages.stats.mistakes import confident_mistakes, most_confused, top_losses
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Baseline, Predictions
from stages.stats.probability_blocks import largest_probability, most_probable
from stages.stats.ranking import ranking_metrics
from stages.stats.report_metrics import report_metrics
from stages.stats.selective import coverage_table
from stages.stats.slices import error_slices
from stages.stats.temperature import calibrated_confidence
from stages.stats.what_next import WhatNext


@dataclass(frozen=True, kw_only=True)
class Interpretation:
    """The content of reports/interpret, and the confusion matrix that the page draws."""

    metrics: Metrics
    confusion_matrix: np.ndarray  # (C, C) images, row = actual, column = predicted
    class_metrics: pd.DataFrame  # metrics.class_metrics with training images, ranking_metrics
    most_confused: pd.DataFrame  # mistakes.most_confused
    top_losses: pd.DataFrame  # mistakes.top_losses
    confident_mistakes: pd.DataFrame  # mistakes.confident_mistakes
    label_issues: pd.DataFrame  # label_issues.rank_label_issues
    reliability: pd.DataFrame  # calibration.reliability_table
    coverage: pd.DataFrame  # selective.coverage_table
    slices: pd.DataFrame  # slices.error_slices
    what_next: WhatNext | None = None

    @property
    def temperature(self) -> float:
        """The temperature by which confidence is calibrated."""
        return self.metrics["calibration"]["applied_temperature"]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files."""
        return {
            "classes": self.class_metrics,
            "most_confused": self.most_confused,
            "top_losses": self.top_losses,
            "confident_mistakes": self.confident_mistakes,
            "suspects": self.label_issues,
            "reliability": self.reliability,
            "coverage": self.coverage,
            "conditions": self.slices,
        }

    def with_next(self, what_next: WhatNext) -> "Interpretation":
        """Return the same with what could be done next."""
        return replace(self, what_next=what_next)

    def with_training(self, recipe: RecipeRecord, trial: TrialRecord | None) -> "Interpretation":
        """Return the same with the recipe of fine_tune, and its trial, if it made one."""
        return replace(self, metrics={**self.metrics, "recipe": recipe, "trial": trial})

    def confused_examples(self) -> list[list[str]]:
        """Return the paths of each confused pair's examples."""
        rows = self.most_confused.filter(like="example").to_numpy()
        return [[path for path in row if path] for row in rows]

    def picture_paths(self) -> list[str]:
        """Return the path of each picture on the page, repeated where it stands there twice."""
        tables = (self.top_losses, self.confident_mistakes, self.label_issues)
        paths = [path for table in tables for path in table["path"]]
        return paths + [path for row in self.confused_examples() for path in row]


def interpret(
    predictions: Predictions,
    baseline: Baseline,
    label_issues: pd.DataFrame,
    properties: pd.DataFrame,
    params: InterpretParams,
    seed: int,
) -> Interpretation:
    """Return every number and table of the report.

    label_issues: as of `rank_label_issues`. properties: of each validation image, indexed by path
    (see `image_properties`).
    """
    class_names = predictions.class_names
    targets = predictions.targets
    if len(targets) == 0:
        raise UserError("No image is left for validation; raise datablock.split.valid")
    probe_pred_probs = _in_order_of(predictions, baseline)
    predicted = most_probable(predictions.pred_probs)
    confidence = largest_probability(predictions.pred_probs).astype(float)
    right = predicted == targets

    matrix = confusion(targets, predicted, len(class_names))
    units = predictions.groups
    sizes = None if units is None else class_sizes(targets, predicted, len(class_names), units)
    by_class = class_metrics(class_names, matrix, sizes)
    train_counts = np.bincount(predictions.train_targets, minlength=len(class_names))
    by_class.insert(1, "train", train_counts)
    by_class = by_class.join(ranking_metrics(targets, predictions.pred_probs, units))
    properties = properties.loc[predictions.paths]
    properties = properties.assign(class_size=by_class["train"].to_numpy()[targets])
    outcomes = outcomes_table(predictions)
    metrics = report_metrics(predictions, probe_pred_probs, properties, seed)
    temperature = metrics["calibration"]["applied_temperature"]
    calibrated = calibrated_confidence(predictions.pred_probs, temperature)
    return Interpretation(
        metrics=metrics,
        confusion_matrix=matrix,
        class_metrics=by_class,
        most_confused=most_confused(class_names, matrix, outcomes, params.most_confused, units),
        top_losses=top_losses(outcomes, params.top_losses),
        confident_mistakes=confident_mistakes(outcomes, params.top_losses),
        label_issues=label_issues,
        reliability=reliability_table(confidence, right, units),
        coverage=coverage_table(calibrated, right, units),
        slices=error_slices(properties, ~right, units),
    )


def _in_order_of(predictions: Predictions, baseline: Baseline) -> Rows:
    """Return the baseline's probabilities of the validation images, in the model's order."""
    same_classes = np.array_equal(predictions.class_names, baseline.class_names)
    row_of = {path: row for row, path in enumerate(baseline.valid_paths)}
    if not same_classes or set(row_of) != set(predictions.paths):
        raise UserError(
            "The model and the baseline judged other images or classes, so they cannot be compared;"
            " run dvc repro, which brings both up to date"
        )
    return baseline.valid_pred_probs[np.array([row_of[path] for path in predictions.paths])]
