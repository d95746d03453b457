"""How many wrong labels the label issues find: pets with 5 % of the labels changed at random.

For each seed other labels are changed, each to another class drawn evenly; then the real stages
datablock, baseline and fine_tune run with the recipe from the probe (four minutes on
two cores). Precision is the share of changed labels among as many issues as were changed.
The rule was chosen by suspect_rules.py and on the seeds 5 and 6; the results are of others.
Run: python -m benchmarks.suspects FOLDER [SEED ...] [--work FOLDER], where FOLDER holds photos of
pets named like great_pyrenees_173.jpg; arrays in the work folder are not computed again.
Results: benchmarks/results/suspects.json.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import machine, record, with_mean
from benchmarks.photos import change
from benchmarks.training import prepare, recipe_values, run
from stages.dataset.duplicates import group_photos, read_duplicates
from stages.dataset.manifest import read_labels, write_labels
from stages.stats.label_issues import rank_label_issues
from stages.stats.predictions import read_baseline, read_predictions
from stages.train.recipe import FROM_PROBE

PACKAGES = ["torch", "torchvision", "timm", "numpy", "scikit-learn"]
SHARE = 0.05
ARRAY_FILES = ("baseline.npz", "predictions.npz")
FIRST_SEEDS = range(5)


def train(folder: Path, truth: pd.DataFrame, seed: int) -> Path:
    """Change labels, train, and copy the arrays for interpret; return the folder of the copies."""
    arrays = folder.with_name(f"seed_{seed}")
    if all((arrays / name).is_file() for name in ARRAY_FILES):
        return arrays
    change(folder, {"seed": seed})
    draw = np.random.default_rng(seed)
    labels = truth.copy()
    for row in draw.choice(len(labels), round(SHARE * len(labels)), replace=False):
        others = sorted(set(truth["label"]) - {truth["label"][row]})
        labels.loc[row, "label"] = draw.choice(others)
    write_labels(folder / "data/manifest/labels.csv", labels)
    for stage in ("datablock", "baseline", "lr_find", "fine_tune"):
        print(f"seed {seed}: {stage} {run(folder, stage):.0f} s", flush=True)
    arrays.mkdir(exist_ok=True)
    for name in ARRAY_FILES:
        shutil.copy(folder / "data" / name, arrays / name)
    return arrays


def precisions(arrays: Path, truth: pd.Series, group: pd.Series) -> dict[str, float]:
    """Return the share of changed labels among as many issues, and by the probe alone."""
    baseline = read_baseline(arrays / "baseline.npz")
    predictions = read_predictions(arrays / "predictions.npz")
    labels = pd.Series(baseline.class_names[baseline.targets], baseline.paths)
    changed = labels[labels != truth[labels.index]].index
    ranked = rank_label_issues(baseline, predictions, group, len(changed)).set_index("path")
    of_label = np.asarray(baseline.pred_probs)[np.arange(len(labels)), baseline.targets]
    by_probe = pd.Series(of_label, labels.index).nsmallest(len(changed)).index
    hits = ranked.index.intersection(changed)
    return {
        "precision at the number changed": len(hits) / len(changed),
        "precision of the probe alone": by_probe.isin(changed).mean(),
        "true label suggested, of those found": (ranked["suggested"][hits] == truth[hits]).mean(),
    }


def main() -> None:
    """Measure the seeds named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("seeds", nargs="*", type=int, default=list(FIRST_SEEDS))
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.work or Path(scratch)) / "pets"
        true_labels = folder.with_name("labels.csv")
        if not true_labels.exists():
            prepare(folder, options.photos, recipe_values(FROM_PROBE))
            shutil.copy(folder / "data/manifest/labels.csv", true_labels)
        truth = read_labels(true_labels)
        by_path = truth.set_index("path")["label"]
        duplicates = read_duplicates(folder / "data/duplicates.csv")
        group = group_photos(truth["path"].tolist(), duplicates)
        by_seed = [precisions(train(folder, truth, seed), by_path, group) for seed in options.seeds]
    figures: dict[str, Any] = {"seeds": options.seeds}
    for name in by_seed[0]:
        values = [float(of_seed[name]) for of_seed in by_seed]
        target = "at least .8" if name.startswith("precision at") else ""
        figures[name] = with_mean(values, target)
    record("suspects", "pets, 5 % changed", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
