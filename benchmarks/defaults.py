"""Whether the defaults serve both kinds of photos: digits, unlike ImageNet, and pets, like it.

For each set and seed a fifth is drawn for validation; the real stages then fit the linear probe,
sweep the rate and fine-tune, with params.yaml as it is. Fine-tuning must not be significantly worse
than the probe on either.
Run: python -m benchmarks.defaults [digits] [pets] [--photos FOLDER] [--seeds N], where FOLDER holds
photos of pets named like great_pyrenees_173.jpg. Results: benchmarks/results/defaults.json.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import figure, machine, record, with_mean
from benchmarks.training import divide, prepared_sets, read, run
from stages.stats.mcnemar import compare_paired
from stages.stats.predictions import read_baseline, read_predictions
from stages.stats.probability_blocks import most_probable

PACKAGES = ["torch", "torchvision", "timm", "numpy", "scikit-learn"]
AIMS = {"digits": ("at most 4", "at most 90"), "pets": ("at most the probe's", "at most 360")}


def seed_of(folder: Path, seed: int) -> dict[str, Any]:
    """Return one seed's errors of both in percent, seconds, rates, and which images are right."""
    divide(folder, seed)
    run(folder, "baseline")
    sweep = run(folder, "lr_find")
    training = run(folder, "fine_tune")
    suggestion = read(folder, "lr_find/suggestion.json")
    model = read_predictions(folder / "data/predictions.npz")
    probe = read_baseline(folder / "data/baseline.npz")
    right = most_probable(model.pred_probs) == model.targets
    probe_right = most_probable(probe.valid_pred_probs) == model.targets
    result: dict[str, Any] = {
        "error": 100 * float(np.mean(~right)),
        "probe": 100 * float(np.mean(~probe_right)),
        "sweep": sweep,
        "training": training,
        "base_lr": read(folder, "fine_tune/metrics.json")["base_lr"],
        "rules": {} if suggestion["skipped"] or suggestion["reason"] else suggestion["rules"],
        "refused": suggestion["reason"] is not None,
        "right": right,
        "probe_right": probe_right,
    }
    print(f"seed {seed}: {result['error']:.1f} % (probe {result['probe']:.1f} %), {training:.0f} s")
    return result


def figures_of(name: str, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a set over all its seeds."""
    right = np.concatenate([seed["right"] for seed in seeds])
    probe_right = np.concatenate([seed["probe_right"] for seed in seeds])
    error, seconds = AIMS[name]
    against = compare_paired(right, probe_right)
    figures: dict[str, Any] = {
        "error, %": with_mean([seed["error"] for seed in seeds], error),
        "probe's error, %": with_mean([seed["probe"] for seed in seeds]),
        "fine-tuning against the probe, seeds pooled": {
            "verdict": against.verdict,
            "p": float(f"{against.p:.2g}"),
            "images": against.images,
        },
        "seconds of fine_tune": figure([seed["training"] for seed in seeds], seconds),
        "seconds of lr_find": figure([seed["sweep"] for seed in seeds]),
        "base_lr": figure([seed["base_lr"] for seed in seeds]),
    }
    figures["sweeps refused"] = sum(seed["refused"] for seed in seeds)
    answered = [seed["rules"] for seed in seeds if seed["rules"]]
    for rule in answered[0] if answered else ():
        decades = [np.log10(rules[rule]) for rules in answered]
        figures[f"rate by {rule}, deviation in decades"] = round(float(np.std(decades, ddof=1)), 2)
    return figures


def main() -> None:
    """Measure the sets named, by default both as far as there are photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    for name, folder, options in prepared_sets(parser):
        seeds = [seed_of(folder, seed) for seed in range(1, options.seeds + 1)]
        record("defaults", name, machine(PACKAGES), figures_of(name, seeds))


if __name__ == "__main__":
    main()
