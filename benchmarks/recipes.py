"""Recipes of training on sets of different kinds, each beside the linear probe.

For each set and seed a fifth is drawn for validation; the real stages then fit the probe and
fine-tune by every recipe. Pooled over sets and seeds a paired test tells each recipe from the
probe. Recipes are chosen on the half `choosing` of recipe_sets; the other half is looked at once,
when the choice is made.
Run: python -m benchmarks.recipes choosing --clones FOLDER [--photos FOLDER] [--sets NAME ...]
[--seeds N] [--recipes NAME ...], where clones holds owner+name/repo for each source of recipe_sets,
and photos those of pets. Results: benchmarks/results/recipes.json.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import figure, machine, record, with_mean
from benchmarks.photos import ROOT
from benchmarks.recipe_sets import SETS, build
from benchmarks.training import change, divide, prepare, run
from stages.base.yaml_file import read_yaml
from stages.stats.mcnemar import compare_paired
from stages.stats.predictions import read_baseline, read_predictions

PACKAGES = ["torch", "torchvision", "timm", "numpy", "scikit-learn"]
# What each recipe sets; the first is params.yaml as it is.
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "whole backbone": {"fine_tune.frozen_share": 0.0},
    "not averaged": {"fine_tune.trained_share": 1.0},
    "from the probe": {"fine_tune.start": "probe"},
    "from zero": {"fine_tune.start": "zero"},
}


def photos_of(name: str, options: argparse.Namespace, scratch: Path) -> Path | None:
    """Return the folder of a set's photos; None for the digits sample."""
    if name == "digits":
        return None
    if name == "pets":
        photos: Path = options.photos
        return photos
    return build(name, scratch / f"{name}-photos", options.clones)


def values_of(name: str) -> dict[str, Any]:
    """Return the params of a set: labels by folder or by name."""
    by = "filename" if name in ("digits", "pets") else "folder"
    return {"ingest.label.by": by, "presize.max_rejected": 0.1}


def answers(folder: Path, seed: int, recipes: list[str]) -> dict[str, dict[str, Any]]:
    """Return by recipe, and for the probe, which validation images are right, and the seconds."""
    divide(folder, seed)
    seconds = run(folder, "baseline")
    results: dict[str, dict[str, Any]] = {}
    for name in recipes:
        before = {key: _usual(key) for key in RECIPES[name]}
        change(folder, RECIPES[name])
        training = run(folder, "lr_find") + run(folder, "fine_tune")
        change(folder, before)
        model = read_predictions(folder / "data/predictions.npz")
        results[name] = {
            "right": model.pred_probs.argmax(1) == model.targets, "seconds": training
        }  # fmt: skip
    probe = read_baseline(folder / "data/baseline.npz").valid_pred_probs.argmax(1)
    results["probe"] = {"right": probe == model.targets, "seconds": seconds}
    shown = {name: f"{100 * np.mean(~one['right']):.1f} %" for name, one in results.items()}
    print(f"{folder.name}, seed {seed}: {shown}", flush=True)
    return results


def _usual(key: str) -> Any:
    """Return the value of a param in params.yaml."""
    section, name = key.split(".")
    return read_yaml(ROOT / "params.yaml")[section][name]


def figures_of(seeds: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return error, seconds, and the pooled test against the probe of every recipe."""
    figures: dict[str, Any] = {}
    probe = np.concatenate([seed["probe"]["right"] for seed in seeds])
    for name in seeds[0]:
        errors = [100 * float(np.mean(~seed[name]["right"])) for seed in seeds]
        figures[f"{name}, error, %"] = with_mean(errors)
        figures[f"{name}, seconds"] = figure([seed[name]["seconds"] for seed in seeds])
        if name != "probe":
            right = np.concatenate([seed[name]["right"] for seed in seeds])
            against = compare_paired(right, probe)
            figures[f"{name}, against the probe"] = {
                "verdict": against.verdict, "p": float(f"{against.p:.2g}"), "images": against.images
            }  # fmt: skip
    return figures


def main() -> None:
    """Run the recipes on the sets of a half."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("half", choices=["choosing", "unseen"])
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipes", nargs="*", default=["default"], choices=RECIPES)
    options = parser.parse_args()
    of_half = [name for name, one in SETS.items() if one.half == options.half]
    pooled: list[dict[str, dict[str, Any]]] = []
    for name in options.sets or of_half:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / name
            prepare(folder, photos_of(name, options, Path(scratch)), values_of(name))
            seeds = [answers(folder, seed, options.recipes) for seed in range(1, options.seeds + 1)]
            record("recipes", name, machine(PACKAGES), figures_of(seeds))
            pooled += seeds
    record("recipes", f"all of {options.half}", machine(PACKAGES), figures_of(pooled))


if __name__ == "__main__":
    main()
