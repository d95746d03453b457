"""Baseline: a linear probe on the frozen backbone, and its out-of-fold probabilities.

Reads   data/presized/, data/splits.csv, data/duplicates.csv
Writes  reports/baseline/metrics.json, reports/baseline/learning_curve.csv, data/baseline.npz,
        data/probe.npz
Run     python -m stages.baseline
"""

from stages.base.environment import prepare_process

prepare_process()

from pathlib import Path

import numpy as np

from stages.base.entry_point import run_stage
from stages.base.environment import device_name, workers
from stages.base.files import write_csv, write_json
from stages.base.params import read_section, read_seed, read_value
from stages.base.seed import derive, derive_int
from stages.base.terminal import say
from stages.batch.image_set import open_image_set
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.dataset.duplicates import group_photos, read_duplicates
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier, mean_activations
from stages.stats.learning_curve import learning_curve_table
from stages.stats.predictions import Baseline, write_baseline
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.infer import pooled_features
from stages.train.linear_probe import fit_probe, fit_probe_start, out_of_fold, predict_probe
from stages.train.probe_curve import probe_curve
from stages.train.probe_start import write_probe_start
from stages.train.recipe import first_recipe

_IMAGES_AT_ONCE = 64


def main() -> None:
    """Fit a linear probe on frozen features, by folds and from training to validation."""
    seed = read_seed()
    recipe = first_recipe(read_value("model.arch", str))
    size = read_value("augment.size", int, recipe)
    model_params = read_section("model", ModelParams, recipe)

    compute = open_device(device_name(), "fp32")
    store = Store(Path("data/presized"))
    splits = read_splits(Path("data/splits.csv"))
    class_names = list_class_names(splits)
    classes = len(class_names)
    image_set = open_image_set(store, splits, class_names, workers(), compute.device)
    paths = np.array(image_set.paths)
    targets = image_set.targets

    model = build_classifier(model_params, classes, derive_int(seed, "model"), size)
    model = model.to(compute.device)
    render = RenderSpec(size=size, mean=model.mean, std=model.std, device=compute.device)
    pooled = pooled_features(model, valid_batches(image_set, render, _IMAGES_AT_ONCE), compute)
    features = mean_activations(pooled)
    duplicates = read_duplicates(Path("data/duplicates.csv"))
    groups = group_photos(image_set.paths, duplicates).to_numpy()
    pred_probs, _ = out_of_fold(features, targets, groups, classes)
    train = splits["split"].eq("train").to_numpy()
    valid = splits["split"].eq("valid").to_numpy()
    probe = fit_probe(features[train], targets[train])
    start = fit_probe_start(
        probe, pooled[train], targets[train], groups[train], paths[train], classes
    )
    draw = derive(seed, "learning curve")
    curve = probe_curve(features[train], targets[train], groups[train], draw)
    temperature = float(start.probe.temperature)
    valid_pred_probs = predict_probe(probe, features[valid], classes, temperature)

    baseline = Baseline(
        class_names=np.array(class_names),
        paths=paths,
        targets=targets,
        pred_probs=pred_probs,
        valid_paths=paths[valid],
        valid_pred_probs=valid_pred_probs,
    )
    write_baseline("data/baseline.npz", baseline)
    write_probe_start("data/probe.npz", start)
    table = learning_curve_table(baseline.class_names, targets[train], curve)
    write_csv("reports/baseline/learning_curve.csv", table)
    valid_wrong = valid_pred_probs.argmax(axis=1) != targets[valid]
    wrong = pred_probs.argmax(axis=1) != targets
    metrics = {
        "error_rate": float(valid_wrong.mean()),
        "accuracy": float(1 - valid_wrong.mean()),
        "error_rate_out_of_fold": float(wrong.mean()),
    }
    write_json("reports/baseline/metrics.json", metrics)
    say(
        f"A linear probe on the frozen body errs on {valid_wrong.mean():.1%} of "
        f"{len(valid_wrong)} validation images, and on {wrong.mean():.1%} of all {len(paths)} "
        "out of fold"
    )


if __name__ == "__main__":
    run_stage(main)
