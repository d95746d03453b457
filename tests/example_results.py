"""Example predictions, and a project folder with all that interpret reads, without training."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from stages.base.csv_file import write_csv
from stages.base.files import sha256_bytes, write_json
from stages.dataset.duplicates import DUPLICATE_COLUMNS, write_duplicates
from stages.dataset.inseparable import write_groups
from stages.dataset.manifest import write_images
from stages.images.resize import PresizeParams
from stages.stats.interpret_params import InterpretParams
from stages.stats.interpretation import interpret
from stages.stats.learning_curve import learning_curve_table
from stages.stats.metrics_record import Metrics, RecipeRecord
from stages.stats.predictions import Baseline, Predictions, write_baseline, write_predictions
from stages.store.writer import write_store

RECIPE = RecipeRecord(
    name="from the probe", probe_error=0.123, shallow_error=0.456, anew=None,
    arch="efficientnet_lite2", size=224, cut="none", epochs=3, freeze_epochs=0,
    frozen_share=0.5, trained_share=0.5, train_bn=False, flip=True,
)  # fmt: skip
REPOSITORY = Path(__file__).parents[1]
STRANGE_LABELS = [
    "<script>alert(1)</script>",
    "=cmd()",
    "😀 grinning",
    "x" * 200,
    "دجاجة مشوية",
    "quote \" and ' & $x_1$",
]


def example_pred_probs(
    targets: np.ndarray, classes: int, right: float, rng: np.random.Generator, bce: bool = False
) -> np.ndarray:
    """Return (N, C) float32 of a model with about this accuracy, which confuses neighbours most."""
    rival = (targets + rng.choice([1, -1, 2], size=len(targets), p=[0.7, 0.2, 0.1])) % classes
    winner = np.where(rng.random(len(targets)) < right, targets, rival)
    logits = rng.normal(0, 1, (len(targets), classes))
    rows = np.arange(len(targets))
    logits[rows, winner] += 5 + rng.exponential(2, len(targets))
    if bce:
        return np.asarray(1 / (1 + np.exp(4 - logits)), "float32")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), "float32")


def example_predictions(
    labels: list[str],
    targets: np.ndarray,
    paths: np.ndarray,
    right: float = 0.93,
    bce: bool = False,
) -> tuple[Predictions, Baseline]:
    """Return what fine_tune and baseline would write; every fifth image is for validation."""
    rng = np.random.default_rng(0)
    class_names = np.array(labels)
    valid = np.arange(len(targets)) % 5 == 0
    valid_targets = targets[valid]
    margins = np.clip(rng.normal(0.8, 0.25, (~valid).sum()), -1, 1).astype("float32")
    predictions = Predictions(
        class_names=class_names,
        paths=paths[valid],
        targets=valid_targets,
        pred_probs=example_pred_probs(valid_targets, len(labels), right, rng, bce),
        train_paths=paths[~valid],
        train_targets=targets[~valid],
        train_margins=margins,
        map_paths=paths[valid],
        maps=rng.random((int(valid.sum()), 3, 3), dtype="float32"),
    )
    baseline = Baseline(
        class_names=class_names,
        paths=paths,
        targets=targets,
        pred_probs=example_pred_probs(targets, len(labels), right - 0.2, rng),
        valid_paths=paths[valid],
        valid_pred_probs=example_pred_probs(valid_targets, len(labels), right - 0.2, rng),
    )
    return predictions, baseline


def example_properties(paths: np.ndarray) -> pd.DataFrame:
    """Return properties of images as `image_properties` does, two of them constant."""
    rng = np.random.default_rng(5)
    columns = {"size": 160, "brightness": rng.random(len(paths)), "sharpness": 9.5}
    return pd.DataFrame(columns, index=pd.Index(paths, dtype=str))


def example_metrics() -> Metrics:
    """Return all numbers of a report on six classes, so that every optional score is there."""
    paths = np.array([f"{number}.jpg" for number in range(300)])
    predictions, baseline = example_predictions(list("abcdef"), np.arange(300) % 6, paths)
    properties = example_properties(predictions.paths)
    params = InterpretParams(top_losses=1, most_confused=1, suspects=0)
    return interpret(predictions, baseline, pd.DataFrame(), properties, params, 1).metrics


def write_project(
    root: Path,
    labels: list[str],
    images: int = 60,
    right: float = 0.93,
    bce: bool = False,
    skipped: bool = False,
) -> None:
    """Write a project folder up to interpret, with photos in colours, one hue for each class.

    right: accuracy; skipped: whether the learning-rate sweep was left out.
    """
    rng = np.random.default_rng(1)
    targets = np.sort(np.arange(images) % len(labels))
    targets = targets[rng.permutation(images)]
    paths = np.array([f"photo {number:05d}.jpg" for number in range(images)])
    _write_photos(root / "photos", paths, targets, rng)
    _write_store(root, paths, targets)
    predictions, baseline = example_predictions(labels, targets, paths, right=right, bce=bce)
    write_predictions(root / "data/predictions.npz", predictions)
    write_baseline(root / "data/baseline.npz", baseline)
    _write_datablock_reports(root, labels, predictions, baseline)
    _write_problems(root, labels, baseline)
    _write_training_reports(root, labels, skipped)


def _write_photos(
    folder: Path, paths: np.ndarray, targets: np.ndarray, rng: np.random.Generator
) -> None:
    """Write a small JPEG for each path."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, target in zip(paths, targets, strict=True):
        hue = 127 * np.sin([target, target + 2, target + 4])
        coarse = rng.integers(0, 255, (6, 8, 3)) * 0.5 + hue
        small = Image.fromarray(np.clip(coarse, 0, 255).astype("uint8"))
        small.resize((64, 48)).save(folder / path)


def _write_store(root: Path, paths: np.ndarray, targets: np.ndarray) -> None:
    """Write params.yaml, the presized store and the manifest of the photos."""
    photos = root / "photos"
    shutil.copy(REPOSITORY / "params.yaml", root / "params.yaml")
    hashes = [sha256_bytes((photos / path).read_bytes()) for path in paths]
    manifest = pd.DataFrame({"path": paths, "sha256": hashes})
    size = PresizeParams(size=160, format="jpeg", quality=90, shards=2, max_rejected=0.1)
    write_store(manifest, photos, root / "data/presized", root / "private", size, 1)
    images = manifest.assign(format="JPEG", width=64, height=48 + targets)
    write_images(root / "data/manifest/images.csv", images)
    write_duplicates(root / "data/duplicates.csv", pd.DataFrame(columns=DUPLICATE_COLUMNS))
    write_groups(root / "data/groups.csv", pd.DataFrame(columns=["path", "group"]))


def _write_datablock_reports(
    root: Path, labels: list[str], predictions: Predictions, baseline: Baseline
) -> None:
    """Write the summary and the contact sheets."""
    rng = np.random.default_rng(2)
    findings = [
        {
            "severity": "warning",
            "check": "duplicates",
            "message": f"2 pictures appear twice; one of them is labelled {labels[0]}.",
            "paths": list(baseline.paths[:2]),
        },
        {
            "severity": "note",
            "check": "sizes",
            "message": "All images are large enough.",
            "paths": [],
        },
    ]
    counts = {
        "train": len(predictions.train_paths),
        "valid": len(predictions.paths),
        "excluded": 0,
        "classes": len(labels),
    }
    write_json(root / "reports/datablock/summary.json", {"counts": counts, "findings": findings})
    for name in ("batch", "unique", "presizing"):
        pixels = rng.integers(0, 255, (40, 60, 3)).astype("uint8")
        Image.fromarray(pixels).resize((600, 400)).save(root / f"reports/datablock/{name}.png")


def _write_problems(root: Path, labels: list[str], baseline: Baseline) -> None:
    """Write the files that were not taken, and the corrections that were applied."""
    columns = ["path", "problem", "detail"]
    problems = pd.DataFrame([["notes.txt", "not an image", "text"]], columns=columns)
    write_csv(root / "reports/ingest/problems.csv", problems)
    write_csv(root / "reports/presize/rejected.csv", pd.DataFrame(columns=columns))
    corrections = example_corrections(list(baseline.paths), labels)
    write_csv(root / "reports/ingest/corrections.csv", corrections)


def _write_training_reports(root: Path, labels: list[str], skipped: bool) -> None:
    """Write the reports of lr_find and fine_tune, and the model's facts."""
    lr_curve = example_lr_curve()
    rates = {"minimum": 0.018, "decrease": 0.03, "steep": 0.011, "valley": 0.0042, "slide": 0.058}
    suggestion: dict[str, object] = {
        "skipped": skipped,
        "reason": None,
        "consensus": 0.012,
        "rules": {} if skipped else rates,
    }
    write_csv(root / "reports/lr_find/curve.csv", lr_curve.head(0) if skipped else lr_curve)
    write_json(root / "reports/lr_find/suggestion.json", suggestion)
    write_csv(root / "reports/fine_tune/history.csv", example_history())
    write_csv(root / "reports/baseline/learning_curve.csv", example_learning_curve(labels))
    write_json(root / "reports/fine_tune/recipe.json", {"recipe": RECIPE, "trial": None})
    model = {"arch": "efficientnet_lite0", "vocab": labels, "base_lr": 0.012, "seed": 42}
    write_json(root / "data/model/model.json", model)


def example_corrections(paths: list[str], labels: list[str]) -> pd.DataFrame:
    """Return rows of corrections: a label given, a photo dropped, and one that no longer fits."""
    changed = ("content changed", "line 4: it was made for another content")
    rows = [
        (paths[0], "", "relabel", labels[0], 'a "note", with\nlines', labels[-1], "", ""),
        ("gone, long ago.jpg", "a" * 64, "drop", "", "=cmd()", labels[0], "", ""),
        (paths[2], "b" * 64, "keep", labels[1], "", labels[1], *changed),
    ]
    columns = ["path", "sha256", "action", "label", "note", "before", "problem", "detail"]
    return pd.DataFrame(rows, columns=columns)


def example_learning_curve(labels: list[str]) -> pd.DataFrame:
    """Return the outcomes of probes on 40 images of each class; more photos help."""
    targets = np.repeat(np.arange(len(labels)), 40)
    number = np.tile(np.arange(40), len(labels))
    wrong = number < np.array([[20], [14], [10], [7]])
    return learning_curve_table(np.array(labels), targets, wrong)


def example_lr_curve() -> pd.DataFrame:
    """Return the curve of a learning-rate sweep: flat, then falling, then diverging."""
    lr = np.geomspace(1e-7, 1, 60)
    exponent = np.log10(lr)
    smoothed = 2.4 - 1.1 / (1 + np.exp(-3 * (exponent + 2.6))) + np.exp(4 * (exponent + 0.7))
    loss = smoothed + np.random.default_rng(3).normal(0, 0.12, 60)
    return pd.DataFrame({"step": range(60), "lr": lr, "loss": loss, "smoothed": smoothed})


def example_history() -> pd.DataFrame:
    """Return nine epochs, the first of them frozen."""
    epoch = np.arange(1, 10)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "phase": ["frozen"] + ["unfrozen"] * 8,
            "lr": 0.01 / epoch,
            "train_loss": 2.2 / epoch**0.9 + 0.05,
            "valid_loss": 1.9 / epoch**0.85 + 0.12,
            "error_rate": 0.6 / epoch + 0.02,
        }
    )
