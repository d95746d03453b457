"""Baseline: how far the frozen body gets alone, and what it says of every image's label.

Reads   data/presized/, data/splits.csv
Writes  reports/baseline/metrics.json, data/baseline.npz (out-of-fold probabilities)
Run     python -m stages.baseline
"""

from pathlib import Path

import numpy as np

from stages.base.environment import device_name, workers
from stages.base.errors import run_stage
from stages.base.files import write_json
from stages.base.params import read_section, read_seed, read_value
from stages.base.seed import derive_int
from stages.batch.loader import RenderSpec, open_photos, valid_batches
from stages.dataset.duplicates import duplicate_groups
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.stats.predictions import Baseline, write_baseline
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.infer import pooled_features
from stages.train.probe import fit_probe, out_of_fold, predict_probe

BATCH_SIZE = 64


def main() -> None:
    """Fit a linear probe on frozen features, by folds and from training to validation."""
    model_params = read_section("model", ModelParams)
    size = read_value("augment.size", int)
    seed = derive_int(read_seed(), "model")
    compute = open_device(device_name(), "fp32")

    store = Store(Path("data/presized"))
    splits = read_splits(Path("data/splits.csv"))
    class_names = list_class_names(splits)
    photos = open_photos(store, splits, class_names, workers(), compute.device)

    model = build_classifier(model_params, len(class_names), seed, size).to(compute.device)
    look = RenderSpec(size, model.mean, model.std, compute.device)
    features = pooled_features(model, valid_batches(photos, look, BATCH_SIZE), compute)

    repeats = duplicate_groups(store.index)[photos.paths].to_numpy()
    everywhere = out_of_fold(features, photos.targets, repeats, len(class_names))
    train = splits["split"].eq("train").to_numpy()
    valid = splits["split"].eq("valid").to_numpy()
    probe = fit_probe(features[train], photos.targets[train])
    held = predict_probe(probe, features[valid], len(class_names))

    paths = np.array(photos.paths)
    baseline = Baseline(
        np.array(class_names), paths, photos.targets, everywhere, paths[valid], held
    )
    write_baseline("data/baseline.npz", baseline)
    wrong = held.argmax(axis=1) != photos.targets[valid]
    wrong_everywhere = everywhere.argmax(axis=1) != photos.targets
    metrics = {
        "error_rate": float(wrong.mean()),
        "accuracy": float(1 - wrong.mean()),
        "error_rate_out_of_fold": float(wrong_everywhere.mean()),
    }
    write_json("reports/baseline/metrics.json", metrics)
    print(
        f"A linear probe on the frozen body errs on {wrong.mean():.1%} of {len(held)} validation "
        f"images, and on {wrong_everywhere.mean():.1%} of all {len(paths)} out of fold"
    )


if __name__ == "__main__":
    run_stage(main)
