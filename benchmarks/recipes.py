"""Recipes of training on sets of different kinds, each beside the linear probe.

For each set and seed a fifth is drawn for validation; the real stages then fit the probe and
fine-tune by every recipe. Pooled over sets and seeds a paired test tells each recipe from the
probe. Recipes are chosen on the half `choosing` of recipe_sets; the other half is looked at once,
when the choice is made.
Run: python -m benchmarks.recipes choosing --clones FOLDER [--photos FOLDER] [--sets NAME ...]
[--seeds N] [--recipes NAME ...] [--fastai N], where clones holds owner+name/repo for each source of
recipe_sets, and photos those of pets; fastai, where it is installed, is run on the first N seeds.
Results: benchmarks/results/recipes.json.
"""

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.degraded import DEGRADED, degraded_right
from benchmarks.measure import figure, machine, record, with_mean
from benchmarks.photos import ROOT
from benchmarks.recipe_sets import SETS, build
from benchmarks.training import change, divide, measured, prepare, read, run_measured
from stages.base.yaml_file import read_yaml
from stages.stats.calibration import expected_calibration_error
from stages.stats.mcnemar import compare_paired
from stages.stats.predictions import read_baseline, read_predictions

PROBE = "probe"
FASTAI = "fastai"
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


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model says of V validation images, and what it took to have it."""

    pred_probs: np.ndarray  # (V, C)
    targets: np.ndarray  # (V,)
    seconds: float
    megabytes: float  # the most memory of a stage
    recipe: str = ""  # its name
    # By damage, which images the model and the probe have right.
    degraded: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def right(self) -> np.ndarray:
        """Return which images have their label as the most probable class, (V,) bool."""
        right: np.ndarray = self.pred_probs.argmax(1) == self.targets
        return right

    @property
    def error(self) -> float:
        """Return the share of the others in percent."""
        return 100 * float(np.mean(~self.right))


def answers_of(folder: Path, seed: int, recipes: list[str], fastai: bool) -> dict[str, Answers]:
    """Return the answers by recipe, of the probe and of fastai, on a division drawn by the seed."""
    divide(folder, seed)
    seconds, megabytes = run_measured(folder, "baseline")
    results = {}
    for name in recipes:
        before = {key: _usual(key) for key in RECIPES[name]}
        change(folder, RECIPES[name])
        sweep = run_measured(folder, "lr_find")
        training = run_measured(folder, "fine_tune")
        change(folder, before)
        model = read_predictions(folder / "data/predictions.npz")
        results[name] = Answers(
            pred_probs=model.pred_probs,
            targets=model.targets,
            seconds=sweep[0] + training[0],
            megabytes=max(sweep[1], training[1]),
            recipe=read(folder, "fine_tune/metrics.json")["recipe"]["name"],
            degraded=degraded_right(folder),
        )
    results[PROBE] = Answers(
        pred_probs=read_baseline(folder / "data/baseline.npz").valid_pred_probs,
        targets=model.targets,
        seconds=seconds,
        megabytes=megabytes,
    )
    if fastai:
        results[FASTAI] = answers_of_fastai(folder, model.targets)
    shown = {name: f"{one.error:.1f} %" for name, one in results.items()}
    print(f"{folder.name}, seed {seed}: {shown}", flush=True)
    return results


def answers_of_fastai(folder: Path, targets: np.ndarray) -> Answers:
    """Return fastai's answers on the folder's division; it mirrors photos as the recipe does."""
    flip = "--flip" if read(folder, "fine_tune/metrics.json")["recipe"]["flip"] else "--no-flip"
    result = folder / "fastai.npz"
    seconds, megabytes = measured(
        [sys.executable, "-m", "benchmarks.with_fastai", str(folder), str(result), flip], folder
    )
    with np.load(result) as arrays:
        if not np.array_equal(arrays["targets"], targets):
            raise SystemExit("fastai has other images in validation, or in another order")
        return Answers(
            pred_probs=arrays["pred_probs"],
            targets=arrays["targets"],
            seconds=seconds,
            megabytes=megabytes,
        )


def _usual(key: str) -> Any:
    """Return the value of a param in params.yaml."""
    section, name = key.split(".")
    return read_yaml(ROOT / "params.yaml")[section][name]


def figures_of(seeds: list[dict[str, Answers]]) -> dict[str, Any]:
    """Return error, calibration, seconds and memory of each recipe, and tests against the probe."""
    figures: dict[str, Any] = {}
    for name in seeds[0]:
        runs = [seed[name] for seed in seeds if name in seed]
        right = np.concatenate([one.right for one in runs])
        confidence = np.concatenate([one.pred_probs.max(1) for one in runs])
        calibration = expected_calibration_error(confidence, right)
        figures[f"{name}, error, %"] = with_mean([one.error for one in runs])
        figures[f"{name}, calibration error, %"] = round(100 * calibration, 2)
        figures[f"{name}, seconds"] = figure([one.seconds for one in runs])
        figures[f"{name}, memory, MB"] = figure([one.megabytes for one in runs])
        if name in (PROBE, FASTAI):
            continue
        if FASTAI in seeds[0]:
            both = [seed for seed in seeds if FASTAI in seed]
            ours = np.concatenate([seed[name].right for seed in both])
            peer = np.concatenate([seed[FASTAI].right for seed in both])
            figures[f"{name}, against fastai"] = paired(ours, peer)
        figures[f"{name}, recipes"] = dict(Counter(one.recipe for one in runs))
        probe = np.concatenate([seed[PROBE].right for seed in seeds])
        figures[f"{name}, against the probe"] = paired(right, probe)
        for damage in DEGRADED:
            ours, theirs = (
                np.concatenate([one.degraded[damage][place] for one in runs]) for place in (0, 1)
            )
            figures[f"{name}, {damage}, against the probe"] = paired(ours, theirs)
    return figures


def paired(right: np.ndarray, other_right: np.ndarray) -> dict[str, Any]:
    """Return both errors in percent and the paired test of which is better."""
    against = compare_paired(right, other_right)
    return {
        "error, %": round(100 * float(np.mean(~right)), 2),
        "other, %": round(100 * float(np.mean(~other_right)), 2),
        "verdict": against.verdict,
        "p": float(f"{against.p:.2g}"),
        "only this is right": against.only_first_right,
        "only the other is right": against.only_second_right,
        "images": against.images,
    }


def main() -> None:
    """Run the recipes on the sets of a half."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("half", choices=["choosing", "seen", "unseen"])
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipes", nargs="*", default=["default"], choices=RECIPES)
    parser.add_argument("--fastai", type=int, default=0)
    options = parser.parse_args()
    of_half = [name for name, one in SETS.items() if one.half == options.half]
    pooled: list[dict[str, Answers]] = []
    for name in options.sets or of_half:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / name
            prepare(folder, photos_of(name, options, Path(scratch)), values_of(name))
            seeds = [
                answers_of(folder, seed, options.recipes, seed <= options.fastai)
                for seed in range(1, options.seeds + 1)
            ]
            record("recipes", name, machine(PACKAGES), figures_of(seeds))
            pooled += seeds
    together = ", ".join(options.sets or [f"all of {options.half}"])
    if len(options.sets or of_half) > 1:
        record("recipes", together, machine(PACKAGES), figures_of(pooled))


if __name__ == "__main__":
    main()
