"""From the model's and the baseline's probabilities to every number and table of the report."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from stages.base.errors import UserError
from stages.base.params import Section
from stages.base.seed import derive
from stages.report.metrics import accuracy, by_class, confusion, macro_f1, most_confused, top_k
from stages.report.outcomes import outcomes, top_losses
from stages.report.paired import compare
from stages.report.predictions import Baseline, Predictions
from stages.report.suspects import rank_suspects

TOP = 5  # the k of the top-k accuracy, left out when there are no more classes than that


class InterpretParams(Section):
    """The section `interpret` of params.yaml: how much of each the page shows."""

    top_losses: int = Field(ge=1, le=200)  # pictures of the worst predictions
    most_confused: int = Field(ge=1, le=100)  # pairs of classes
    suspects: int = Field(ge=0, le=1000)  # images whose label looks wrong


@dataclass(frozen=True)
class Interpretation:
    """What reports/interpret holds, and the matrix that the page draws."""

    metrics: dict[str, Any]
    matrix: np.ndarray  # (C, C) images, row = actual, column = predicted
    classes: pd.DataFrame  # metrics.by_class, with the number of training images
    confused: pd.DataFrame  # metrics.most_confused
    outcomes: pd.DataFrame  # outcomes.outcomes, one row a validation image
    worst: pd.DataFrame  # outcomes.top_losses
    suspects: pd.DataFrame  # suspects.rank_suspects


def interpret(
    predictions: Predictions,
    baseline: Baseline,
    groups: pd.Series,
    params: InterpretParams,
    seed: int,
) -> Interpretation:
    """Return all that the predictions tell; `groups` names each path's group of near-duplicates."""
    vocab, targets = predictions.vocab, predictions.targets
    if len(targets) == 0:
        raise UserError("No image is left for validation; raise datablock.split.valid")
    probe = _same_images(predictions, baseline)
    matrix = confusion(targets, predictions.probabilities.argmax(axis=1), len(vocab))
    classes = by_class(vocab, matrix)
    classes.insert(1, "train", np.bincount(predictions.train_targets, minlength=len(vocab)))
    table = outcomes(vocab, predictions.paths, targets, predictions.probabilities)
    return Interpretation(
        metrics=_metrics(targets, predictions.probabilities, probe, seed),
        matrix=matrix,
        classes=classes,
        confused=most_confused(vocab, matrix, params.most_confused),
        outcomes=table,
        worst=top_losses(table, params.top_losses),
        suspects=rank_suspects(baseline, predictions, groups, params.suspects),
    )


def _same_images(predictions: Predictions, baseline: Baseline) -> np.ndarray:
    """Return the baseline's probabilities of the validation images, in the model's order."""
    same_classes = np.array_equal(predictions.vocab, baseline.vocab)
    places = {path: place for place, path in enumerate(baseline.valid_paths)}
    if not same_classes or set(places) != set(predictions.paths):
        raise UserError(
            "The model and the baseline judged other images or classes, so they cannot be compared;"
            " run dvc repro, which brings both up to date"
        )
    return baseline.valid_probabilities[[places[path] for path in predictions.paths]]


def _metrics(
    targets: np.ndarray, probabilities: np.ndarray, probe: np.ndarray, seed: int
) -> dict[str, Any]:
    """Return the content of reports/interpret/metrics.json."""
    right, probe_right = (rows.argmax(axis=1) == targets for rows in (probabilities, probe))
    versus = asdict(compare(right, probe_right))
    return {
        **_scores(targets, probabilities, seed),
        "baseline": _scores(targets, probe, seed),
        "versus_baseline": versus,
        "images": len(targets),
        "errors": int(np.sum(~right)),
        "classes": probabilities.shape[1],
    }


def _scores(targets: np.ndarray, probabilities: np.ndarray, seed: int) -> dict[str, Any]:
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    share = accuracy(targets, predicted)
    scores = {
        "error_rate": share.complement(),
        "accuracy": share,
        "macro_f1": macro_f1(targets, predicted, classes, derive(seed, "interpret", "macro_f1")),
    }
    if classes > TOP:
        scores[f"top_{TOP}"] = top_k(targets, probabilities, TOP)
    return {name: interval.as_dict() for name, interval in scores.items()}
