"""Baseline: a linear probe on the frozen backbone, and its out-of-fold probabilities.

Reads   data/presized/, data/splits.csv, data/duplicates.csv, data/groups.csv
Writes  reports/baseline/metrics.json, reports/baseline/learning_curve.csv, data/baseline.npz,
        data/probe.npz
Run     python -m stages.baseline
"""

from stages.base.environment import prepare_process

prepare_process()

from dataclasses import replace
from pathlib import Path

import numpy as np

from stages.base.csv_file import write_csv
from stages.base.entry_point import run_stage
from stages.base.environment import device_name, workers
from stages.base.files import write_json
from stages.base.params import read_section, read_seed, read_value
from stages.base.parts import PRIVATE_FOLDER
from stages.base.seed import derive
from stages.base.stored_array import rows_file
from stages.base.terminal import say
from stages.batch.image_set import open_image_set
from stages.dataset.duplicates import read_duplicates
from stages.dataset.folds import fold_sides, is_validated
from stages.dataset.inseparable import inseparable_photos, names_by_path, read_groups
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import mean_activations
from stages.model.model_params import ModelParams
from stages.stats.image_groups import number_groups
from stages.stats.learning_curve import learning_curve_table
from stages.stats.predictions import Baseline, write_baseline
from stages.store.reader import Store
from stages.train.backbone_features import backbone_features
from stages.train.device import open_device
from stages.train.discriminant import fit_probe
from stages.train.fold_probes import ProbeImages, with_fold_probes
from stages.train.linear_probe import error_out_of_fold, fit_probe_start, one_probe, out_of_fold
from stages.train.probe_curve import probe_curve
from stages.train.probe_start import write_probe_start
from stages.train.recipe import Recipe, first_recipe, shallow_recipe


def main() -> None:
    """Fit a linear probe on frozen features, which a temporary file holds meanwhile."""
    seed = read_seed()
    arch = read_value("model.arch", str)
    compute = open_device(device_name(), "fp32")
    splits = read_splits(Path("data/splits.csv"))
    class_names = list_class_names(splits)
    classes = len(class_names)
    image_set = open_image_set(Store(Path("data/presized")), splits, class_names, workers())
    paths = np.array(image_set.paths)
    targets = image_set.targets
    train = splits["split"].eq("train").to_numpy()
    valid = is_validated(splits).to_numpy()
    duplicates = read_duplicates(Path("data/duplicates.csv"))
    declared = read_groups(Path("data/groups.csv"))
    groups = inseparable_photos(image_set.paths, duplicates, declared)
    first = backbone_of(first_recipe(arch))
    with rows_file(PRIVATE_FOLDER) as scratch:
        pooled = scratch.store(backbone_features(*first, image_set, classes, seed, compute))
        features = mean_activations(pooled)
        answers, _ = out_of_fold(features, targets, groups, classes)
        probe = fit_probe(features[train], targets[train])
        start = fit_probe_start(
            probe, pooled[train], targets[train], groups[train], paths[train], classes
        )
        recipe = shallow_recipe(arch)
        if recipe and backbone_of(recipe) != first:
            images = image_set.subset(np.flatnonzero(train))
            seen = backbone_features(*backbone_of(recipe), images, classes, seed, compute)
            others = mean_activations(scratch.store(seen))
            error = error_out_of_fold(others, targets[train], groups[train], classes)
            start = replace(start, shallow_error=np.array(error))
        draw = derive(seed, "learning curve")
        curve = probe_curve(features[train], targets[train], groups[train], draw)
        probe = replace(probe, temperature=float(start.probe.temperature))
        by_probe = one_probe(probe, features, classes)
        if folds := fold_sides(splits):
            all_images = ProbeImages(paths=paths, targets=targets, groups=groups, pooled=pooled)
            start, by_probe = with_fold_probes(start, all_images, folds, classes)
        baseline = Baseline(
            class_names=np.array(class_names),
            paths=paths,
            targets=targets,
            pred_probs=scratch.store(answers.blocks()),
            valid_paths=paths[valid],
            valid_pred_probs=scratch.store(by_probe[valid].blocks()),
        )
        write_baseline("data/baseline.npz", baseline)
        write_probe_start("data/probe.npz", start.with_groups(names_by_path(declared)))
        together = number_groups(paths[train], names_by_path(declared))
        table = learning_curve_table(baseline.class_names, targets[train], curve, together)
        write_csv("reports/baseline/learning_curve.csv", table)
        write_json("reports/baseline/metrics.json", baseline.errors().as_dict())
        say(str(baseline.errors()))


def backbone_of(recipe: Recipe) -> tuple[ModelParams, int]:
    """Return model's params and the side of its images, where they are auto by the recipe."""
    return read_section("model", ModelParams, recipe), read_value("augment.size", int, recipe)


if __name__ == "__main__":
    run_stage(main)
