"""Made-up results of training, so that what reads them can be measured without it."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.base.csv_file import write_csv
from stages.base.files import write_json
from stages.page.training_figures import CURVE_COLUMNS, HISTORY_COLUMNS
from stages.stats.learning_curve import CURVE_SHARES, learning_curve_table
from stages.stats.metrics_record import RecipeRecord
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Baseline, Predictions, write_baseline, write_predictions
from stages.store.reader import read_index

VALID_EVERY = 5
ACCURACY = 0.9
RECIPE = RecipeRecord(
    name="from the probe", probe_error=0.1, shallow_error=None, anew=None, size=32, cut="none",
    epochs=3, freeze_epochs=0, frozen_share=0.5, trained_share=0.5, train_bn=False, flip=True,
)  # fmt: skip


def make_up_results(project: Path, classes: int, seed: int) -> None:
    """Write what interpret reads of baseline, lr_find and fine_tune, for the photos of the store.

    Every fifth photo validates; nine tenths are right.
    """
    draw = np.random.default_rng(seed)
    paths = read_index(project / "data/presized")["path"].to_numpy(str)
    class_names = np.array([f"class {number:04}" for number in range(classes)])
    numbers = np.arange(len(paths))
    targets = numbers % classes
    valid = numbers % VALID_EVERY == numbers // classes % VALID_EVERY  # of every class, in time
    predictions = Predictions(
        class_names=class_names,
        paths=paths[valid],
        targets=targets[valid],
        pred_probs=made_up_pred_probs(targets[valid], classes, draw),
        train_paths=paths[~valid],
        train_targets=targets[~valid],
        train_margins=np.clip(draw.normal(0.8, 0.25, (~valid).sum()), -1, 1).astype(np.float32),
    )
    pred_probs = made_up_pred_probs(targets, classes, draw)
    baseline = Baseline(
        class_names=class_names,
        paths=paths,
        targets=targets,
        pred_probs=pred_probs,
        valid_paths=paths[valid],
        valid_pred_probs=pred_probs[valid],
    )
    write_predictions(project / "data/predictions.npz", predictions)
    write_baseline(project / "data/baseline.npz", baseline)
    reports = project / "reports"
    write_csv(reports / "fine_tune/outcomes.csv", outcomes_table(predictions))
    wrong = draw.random((len(CURVE_SHARES), (~valid).sum())) > ACCURACY
    table = learning_curve_table(class_names, targets[~valid], wrong)
    write_csv(reports / "baseline/learning_curve.csv", table)
    _write_training(project)


def made_up_pred_probs(targets: np.ndarray, classes: int, draw: np.random.Generator) -> np.ndarray:
    """Return (N, C) float32 of a model with about this accuracy, which confuses neighbours."""
    winner = np.where(draw.random(len(targets)) < ACCURACY, targets, (targets + 1) % classes)
    powers = draw.random((len(targets), classes), dtype=np.float32)
    rows = np.arange(len(targets))
    powers[rows, winner] += classes * draw.exponential(2, len(targets))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _write_training(project: Path) -> None:
    """Write the small reports of lr_find and fine_tune, and the facts of a model."""
    reports = project / "reports"
    epochs = [[1, "unfrozen", 0.01, 2.0, 1.5, 0.2], [2, "unfrozen", 0.01, 1.0, 1.0, 0.1]]
    history = pd.DataFrame(epochs, columns=["epoch", *HISTORY_COLUMNS])
    write_csv(reports / "fine_tune/history.csv", history)
    write_csv(reports / "lr_find/curve.csv", pd.DataFrame(columns=list(CURVE_COLUMNS)))
    suggestion: dict[str, object] = {"skipped": True, "reason": None, "rules": {}}
    write_json(reports / "lr_find/suggestion.json", suggestion)
    write_json(reports / "fine_tune/recipe.json", {"recipe": RECIPE, "trial": None})
    write_json(project / "data/model/model.json", {"arch": "test_resnet", "base_lr": 0.01})
