"""A project folder with all that export reads: photos, store, model, predictions and metrics."""

from pathlib import Path
from typing import Any

import pandas as pd

from stages.base.files import write_json
from stages.model.files import save_model
from stages.stats.interpret_params import InterpretParams
from stages.stats.interpretation import interpret
from stages.stats.metrics_record import Metrics
from stages.stats.predictions import Predictions, read_baseline, read_predictions
from tests.example_results import example_properties, write_project
from tests.forms.random_model import random_model

LABELS = ["cat", "dog", "x | `y`"]


def write_export_project(
    root: Path, labels: list[str] = LABELS, bce: bool = False, **model: Any
) -> None:
    """Write the folder; model: what random_model takes. The photos lie in photos/."""
    write_project(root, labels, images=120, bce=bce)
    classifier, card = random_model(
        loss="bce" if bce else "cross_entropy", class_names=labels, **model
    )
    save_model(root / "data/model", classifier, card)
    write_json(root / "reports/interpret/details.json", example_metrics(root))
    params = (root / "params.yaml").read_text("utf-8")
    (root / "params.yaml").write_text(params.replace("images: data/sample", "images: photos"))


def example_metrics(root: Path) -> Metrics:
    """Return the report's numbers for the project's predictions."""
    predictions = example_predictions_of(root)
    baseline = read_baseline(root / "data/baseline.npz")
    params = InterpretParams(top_losses=4, most_confused=4, suspects=4)
    properties = example_properties(predictions.paths)
    return interpret(predictions, baseline, pd.DataFrame(), properties, params, 42).metrics


def example_predictions_of(root: Path) -> Predictions:
    """Return the project's predictions."""
    return read_predictions(root / "data/predictions.npz")
