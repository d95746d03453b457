"""A made-up project folder: everything that interpret reads, seeded, without any training."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from stages.base.files import sha256_bytes, write_csv, write_json
from stages.dataset.manifest import write_images
from stages.images.resize import PresizeParams
from stages.stats.predictions import Baseline, Predictions, write_baseline, write_predictions
from stages.store.writer import write_store

ROOT = Path(__file__).parents[1]
NASTY = [
    "<script>alert(1)</script>",
    "=cmd()",
    "😀 grinning",
    "x" * 200,
    "دجاجة مشوية",
    "quote \" and ' & $x_1$",
]


def pred_probs(
    targets: np.ndarray, classes: int, right: float, rng: np.random.Generator, bce: bool = False
) -> np.ndarray:
    """Return (N, C) float32 of a model that is right about so often; confuses neighbours most."""
    rival = (targets + rng.choice([1, -1, 2], size=len(targets), p=[0.7, 0.2, 0.1])) % classes
    winner = np.where(rng.random(len(targets)) < right, targets, rival)
    logits = rng.normal(0, 1, (len(targets), classes))
    rows = np.arange(len(targets))
    logits[rows, winner] += 5 + rng.exponential(2, len(targets))
    if bce:
        return (1 / (1 + np.exp(4 - logits))).astype("float32")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype("float32")


def arrays(
    labels: list[str],
    targets: np.ndarray,
    paths: np.ndarray,
    seed: int = 0,
    right: float = 0.93,
    bce: bool = False,
) -> tuple[Predictions, Baseline]:
    """Return what fine_tune and baseline would leave; every fifth image validates."""
    rng = np.random.default_rng(seed)
    class_names = np.array(labels)
    valid = np.arange(len(targets)) % 5 == 0
    of_valid = targets[valid]
    margins = np.clip(rng.normal(0.8, 0.25, (~valid).sum()), -1, 1).astype("float32")
    predictions = Predictions(
        class_names=class_names,
        paths=paths[valid],
        targets=of_valid,
        pred_probs=pred_probs(of_valid, len(labels), right, rng, bce),
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
        pred_probs=pred_probs(targets, len(labels), right - 0.2, rng),
        valid_paths=paths[valid],
        valid_pred_probs=pred_probs(of_valid, len(labels), right - 0.2, rng),
    )
    return predictions, baseline


def properties(paths: np.ndarray) -> pd.DataFrame:
    """Return what made-up images are like."""
    rng = np.random.default_rng(5)
    measured = {"size": 160, "brightness": rng.random(len(paths)), "sharpness": 9.5}
    return pd.DataFrame(measured, index=pd.Index(paths, dtype=str))


def project(
    root: Path,
    labels: list[str],
    images: int = 60,
    right: float = 0.93,
    bce: bool = False,
    skipped: bool = False,
) -> None:
    """Write a project folder with made-up photos: colours, one hue a class."""
    rng = np.random.default_rng(1)
    targets = np.sort(np.arange(images) % len(labels))
    targets = targets[rng.permutation(images)]
    paths = np.array([f"photo {number:05d}.jpg" for number in range(images)])
    for path, target in zip(paths, targets, strict=True):
        (root / "photos").mkdir(parents=True, exist_ok=True)
        low = rng.integers(0, 255, (6, 8, 3)) * 0.5 + 127 * np.sin([target, target + 2, target + 4])
        small = Image.fromarray(np.clip(low, 0, 255).astype("uint8"))
        small.resize((64, 48)).save(root / "photos" / path)
    around(root, labels, targets, paths, root / "photos", right, bce, skipped)


def around(
    root: Path,
    labels: list[str],
    targets: np.ndarray,
    paths: np.ndarray,
    photos: Path,
    right: float = 0.93,
    bce: bool = False,
    skipped: bool = False,
) -> None:
    """Write the rest of a project around photos that exist: store, predictions, reports."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    hashes = [sha256_bytes((photos / path).read_bytes()) for path in paths]
    manifest = pd.DataFrame({"path": paths, "sha256": hashes})
    size = PresizeParams(size=160, format="jpeg", quality=90, shards=2, max_rejected=0.1)
    write_store(manifest, photos, root / "data/presized", root / "private", size, 1)
    images = manifest.assign(format="JPEG", width=64, height=48 + targets)
    write_images(root / "data/manifest/images.csv", images)
    predictions, baseline = arrays(labels, targets, paths, right=right, bce=bce)
    write_predictions(root / "data/predictions.npz", predictions)
    write_baseline(root / "data/baseline.npz", baseline)
    reports(root, labels, predictions, baseline, skipped)


def reports(
    root: Path, labels: list[str], predictions: Predictions, baseline: Baseline, skipped: bool
) -> None:
    """Write the small reports of the stages before interpret."""
    rng = np.random.default_rng(2)
    sizes = [("train", predictions.train_paths), ("valid", predictions.paths)]
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
    counts = {name: len(paths) for name, paths in sizes} | {"excluded": 0, "classes": len(labels)}
    write_json(root / "reports/datablock/summary.json", {"counts": counts, "findings": findings})
    for name in ("batch", "unique", "presizing"):
        pixels = rng.integers(0, 255, (40, 60, 3)).astype("uint8")
        Image.fromarray(pixels).resize((600, 400)).save(root / f"reports/datablock/{name}.png")
    problem = ["path", "problem", "detail"]
    problems = pd.DataFrame([["notes.txt", "not an image", "text"]], columns=problem)
    write_csv(root / "reports/ingest/problems.csv", problems)
    write_csv(root / "reports/presize/rejected.csv", pd.DataFrame(columns=problem))
    write_csv(root / "reports/ingest/corrections.csv", decided(list(baseline.paths), labels))
    write_csv(root / "reports/lr_find/curve.csv", curve().head(0 if skipped else None))
    rates = {"minimum": 0.018, "decrease": 0.03, "steep": 0.011, "valley": 0.0042, "slide": 0.058}
    suggestion = {"skipped": skipped, "reason": None, "consensus": 0.012, "rules": rates}
    if skipped:
        suggestion |= {"reason": "fine_tune.base_lr is a number", "rules": dict.fromkeys(rates)}
    write_json(root / "reports/lr_find/suggestion.json", suggestion)
    write_csv(root / "reports/fine_tune/history.csv", history())
    model = {"arch": "efficientnet_lite0", "vocab": labels, "base_lr": 0.012, "seed": 42}
    write_json(root / "data/model/model.json", model)


def decided(paths: list[str], labels: list[str]) -> pd.DataFrame:
    """Return rows of corrections: a label given, a photo dropped, and one that no longer fits."""
    changed = ("content changed", "line 4: it was made for another content")
    rows = [
        (paths[0], "", "relabel", labels[0], 'a "note", with\nlines', labels[-1], "", ""),
        ("gone, long ago.jpg", "a" * 64, "drop", "", "=cmd()", labels[0], "", ""),
        (paths[2], "b" * 64, "keep", labels[1], "", labels[1], *changed),
    ]
    columns = ["path", "sha256", "action", "label", "note", "before", "problem", "detail"]
    return pd.DataFrame(rows, columns=columns)


def curve() -> pd.DataFrame:
    """Return a learning-rate sweep as they look: flat, down, and away."""
    lr = np.geomspace(1e-7, 1, 60)
    place = np.log10(lr)
    smoothed = 2.4 - 1.1 / (1 + np.exp(-3 * (place + 2.6))) + np.exp(4 * (place + 0.7))
    loss = smoothed + np.random.default_rng(3).normal(0, 0.12, 60)
    return pd.DataFrame({"step": range(60), "lr": lr, "loss": loss, "smoothed": smoothed})


def history() -> pd.DataFrame:
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


def read_metrics(root: Path) -> dict[str, object]:
    """Return reports/interpret/metrics.json."""
    return json.loads((root / "reports/interpret/metrics.json").read_text())
