"""All numbers of the report, from the predictions of the model and of the linear probe."""

import numpy as np
import pandas as pd

from stages.base.seed import derive, derive_int
from stages.base.stored_array import Rows
from stages.stats.calibration import calibration_by_chance, calibration_error_interval
from stages.stats.image_groups import count_groups
from stages.stats.imbalance import is_unequal, kappa, largest_class_error
from stages.stats.intervals import Interval
from stages.stats.macro import Score
from stages.stats.mcnemar import compare_paired
from stages.stats.metrics import accuracy, macro, top_k
from stages.stats.metrics_record import (
    CalibrationRecord,
    FoldsRecord,
    GroupsRecord,
    Metrics,
    Scores,
)
from stages.stats.predictions import Predictions
from stages.stats.probability_blocks import largest_probability, most_probable
from stages.stats.selective import find_threshold
from stages.stats.slices import slice_tendencies
from stages.stats.temperature import calibrated_confidence, evaluate_temperature

_LEVELS = (95, 99)  # percent of accepted predictions that are to be right


def report_metrics(
    predictions: Predictions, probe_pred_probs: Rows, properties: pd.DataFrame, seed: int
) -> Metrics:
    """Return the content of details.json; see `interpret` for the properties."""
    targets = predictions.targets
    groups = predictions.groups
    pred_probs = predictions.pred_probs
    confidence = largest_probability(pred_probs).astype(float)
    predicted = most_probable(pred_probs)
    right = predicted == targets
    probe_right = most_probable(probe_pred_probs) == targets
    classes = pred_probs.shape[1]
    train_counts = np.bincount(predictions.train_targets, minlength=classes)
    calibration = _calibration(predictions, confidence, right, seed)
    calibrated = calibrated_confidence(pred_probs, calibration["applied_temperature"])
    thresholds = {
        str(level): find_threshold(calibrated, right, level / 100, groups).as_dict()
        for level in _LEVELS
    }
    agreement = kappa(targets, predicted, classes, derive(seed, "interpret", "kappa"), groups)
    return {
        **_scores(targets, pred_probs, seed, groups),
        "baseline": _scores(targets, probe_pred_probs, seed, groups),
        "versus_baseline": compare_paired(right, probe_right, groups).as_dict(),
        "images": len(targets),
        "errors": int(np.sum(~right)),
        "classes": classes,
        "unequal_classes": is_unequal(train_counts),
        "largest_class_error": largest_class_error(train_counts, targets, groups).as_dict(),
        "kappa": agreement.as_dict(),
        "calibration": calibration,
        "sure": thresholds,
        "conditions": slice_tendencies(properties, ~right, groups),
        "recipe": None,
        "trial": None,
        **_folds(predictions),
        **_groups(groups),
    }


def _folds(predictions: Predictions) -> FoldsRecord:
    folds = predictions.folds
    return {} if folds is None else {"folds": len(np.unique(folds))}


def _groups(groups: np.ndarray | None) -> GroupsRecord:
    count = count_groups(groups)
    return {} if count is None else {"groups": count}


def _calibration(
    predictions: Predictions, confidence: np.ndarray, right: np.ndarray, seed: int
) -> CalibrationRecord:
    """Return the calibration of the model's confidence, (V,), and of temperature scaling."""
    groups = predictions.groups
    by_chance, tendency = calibration_by_chance(
        confidence, right, derive(seed, "calibration", "chance"), groups
    )
    error = calibration_error_interval(
        confidence, right, by_chance, derive(seed, "calibration", "ece"), groups
    )
    temperature = evaluate_temperature(
        predictions.targets,
        predictions.pred_probs,
        _in_first_half(predictions, seed),
        derive(seed, "calibration", "temperature"),
        groups,
    )
    return {
        "ece": error.as_dict(),
        "ece_by_chance": by_chance,
        "confidence": float(confidence.mean()),
        "tendency": tendency,
        "temperature": None if temperature is None else temperature.as_dict(),
        "applied_temperature": 1.0 if temperature is None else temperature.applied,
    }


def _in_first_half(predictions: Predictions, seed: int) -> np.ndarray:
    """Return which images are to fit a temperature, (V,) bool; no group is parted.

    The half of an image depends on its path alone, not on which other images there are; that of a
    group on its first image's.
    """
    paths = predictions.paths
    if predictions.groups is not None:
        order = np.argsort(paths, kind="stable")
        _, first, group = np.unique(
            predictions.groups[order], return_index=True, return_inverse=True
        )
        paths = np.empty_like(paths)
        paths[order] = predictions.paths[order][first][group]
    return np.array([derive_int(seed, "calibration", str(path)) % 2 == 0 for path in paths])


def _scores(targets: np.ndarray, pred_probs: Rows, seed: int, groups: np.ndarray | None) -> Scores:
    """Return one classifier's scores; a top-k accuracy is left out with no more than k classes."""
    class_count = pred_probs.shape[1]
    predicted = most_probable(pred_probs)
    share_right = accuracy(targets, predicted, groups)

    def macro_score(score: Score) -> Interval:
        generator = derive(seed, "interpret", f"macro_{score}")
        return macro(score, targets, predicted, class_count, generator, groups)

    scores: Scores = {
        "error_rate": share_right.complement().as_dict(),
        "accuracy": share_right.as_dict(),
        "macro_precision": macro_score("precision").as_dict(),
        "macro_recall": macro_score("recall").as_dict(),
        "macro_f1": macro_score("f1").as_dict(),
    }
    if class_count > 3:
        scores["top_3"] = top_k(targets, pred_probs, 3, groups).as_dict()
    if class_count > 5:
        scores["top_5"] = top_k(targets, pred_probs, 5, groups).as_dict()
    return scores
