"""Recipes of training on sets of different kinds, each beside the linear probe.

For each set and seed a fifth is drawn for validation; the real stages then fit the probe and
fine-tune by every recipe. Pooled over sets and seeds a paired test tells each recipe from the
probe. Recipes are chosen on the half `choosing` of recipe_sets; the other half is looked at once,
when the choice is made.
Run: python -m benchmarks.recipes choosing --clones FOLDER [--photos FOLDER] [--sets NAME ...]
[--seeds N] [--recipes NAME ...] [--peers NAME ... --peer-seeds N --peer-times N ...]
[--small-probe] [--fifths N ...] [--pool [--name NAME]], where clones holds owner+name/repo for each
source of recipe_sets, and photos those of pets. Other libraries are run on the first seeds, within
the seconds of the first recipe, or as many times these as --peer-times says: fastai where it is
installed, timm with --timm-train FILE, torchvision with --torchvision-references FOLDER
--torchvision-weights FILE. With --fifths each of these parts of a seed's draw validates in turn, so
that no image is counted twice. With --pool nothing is run: what the results hold of two sets or
more is put together.
Results: benchmarks/results/recipes.json.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answers import Answers, paired, pooled
from benchmarks.build_sets import build
from benchmarks.degraded import DEGRADED, degraded_right
from benchmarks.measure import RESULTS, figure, machine, record, with_mean
from benchmarks.peers import add_peer_options, answers_of_peers, files_of, is_peer
from benchmarks.photos import ROOT, change
from benchmarks.recipe_sets import SETS
from benchmarks.training import divide, prepare, read, run_measured
from stages.base.yaml_file import read_yaml
from stages.stats.calibration import expected_calibration_error
from stages.stats.predictions import read_baseline, read_predictions

PROBE = "probe"
# Frozen features as they were before the recipe had a size and a network of its own.
SMALL_PROBE = "probe of lite0, 224 px"
SMALL = {"model.arch": "efficientnet_lite0", "augment.size": 224}
PACKAGES = ["torch", "torchvision", "timm", "numpy", "scikit-learn", "fastai"]
# What each recipe sets; the first is params.yaml as it is.
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "whole backbone": {"fine_tune.frozen_share": 0.0},
    "not averaged": {"fine_tune.trained_share": 1.0},
    "from the probe": {"fine_tune.start": "probe"},
    "from zero": {"fine_tune.start": "zero"},
    "two epochs": {"fine_tune.epochs": 2},
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


def answers_of(
    folder: Path, seed: int, fifth: int, options: argparse.Namespace
) -> dict[str, Answers]:
    """Return the answers by recipe, of the probe and of peers, on a division drawn by the seed."""
    divide(folder, seed, fifth)
    results = {}
    if options.small_probe:
        change(folder, SMALL)
        results[SMALL_PROBE] = probe_answers(folder)
        change(folder, {key: _usual(key) for key in SMALL})
    probe = probe_answers(folder)
    for name in options.recipes:
        before = {key: _usual(key) for key in RECIPES[name]}
        change(folder, RECIPES[name])
        sweep = run_measured(folder, "lr_find")
        training = run_measured(folder, "fine_tune")
        change(folder, before)
        model = read_predictions(folder / "data/predictions.npz")
        results[name] = Answers(
            pred_probs=np.asarray(model.pred_probs),
            targets=model.targets,
            seconds=sweep[0] + training[0],
            megabytes=max(sweep[1], training[1]),
            recipe=read(folder, "fine_tune/recipe.json")["recipe"]["name"],
            degraded=degraded_right(folder),
        )
    results[PROBE] = probe
    if seed <= options.peer_seeds:
        ours = results[options.recipes[0]]
        results |= answers_of_peers(folder, options.peers, ours, options)
    shown = {name: f"{one.error:.1f} %" for name, one in results.items()}
    print(f"{folder.name}, seed {seed}, fifth {fifth}: {shown}", flush=True)
    return results


def probe_answers(folder: Path) -> Answers:
    """Return the answers of the linear probe."""
    seconds, megabytes = run_measured(folder, "baseline")
    baseline = read_baseline(folder / "data/baseline.npz")
    return Answers(
        pred_probs=np.asarray(baseline.valid_pred_probs),
        targets=baseline.valid_targets(),
        seconds=seconds,
        megabytes=megabytes,
    )


def _usual(key: str) -> Any:
    """Return the value of a param in params.yaml."""
    section, name = key.split(".")
    return read_yaml(ROOT / "params.yaml")[section][name]


def figures_of(seeds: list[dict[str, Answers]]) -> dict[str, Any]:
    """Return error, calibration, seconds and memory of each, and tests of our recipes.

    They are compared with the probe on all seeds, and with each peer on those that it was run on.
    """
    figures: dict[str, Any] = {}
    for name in dict.fromkeys(name for seed in seeds for name in seed):
        runs = [seed[name] for seed in seeds if name in seed]
        right = np.concatenate([one.right for one in runs])
        confidence = np.concatenate([one.pred_probs.max(1) for one in runs])
        calibration = expected_calibration_error(confidence, right)
        figures[f"{name}, error, %"] = with_mean([one.error for one in runs])
        figures[f"{name}, calibration error, %"] = round(100 * calibration, 2)
        figures[f"{name}, seconds"] = figure([one.seconds for one in runs])
        figures[f"{name}, memory, MB"] = figure([one.megabytes for one in runs])
        if name in (PROBE, SMALL_PROBE):
            continue
        figures[f"{name}, recipes"] = dict(Counter(one.recipe for one in runs))
        if is_peer(name):
            continue
        for other in dict.fromkeys(name for seed in seeds for name in seed):
            if is_peer(other) or other == SMALL_PROBE:
                both = [seed for seed in seeds if other in seed]
                figures[f"{name}, against {other}"] = paired(
                    *(np.concatenate([seed[side].right for seed in both]) for side in (name, other))
                )
        probe = np.concatenate([seed[PROBE].right for seed in seeds])
        figures[f"{name}, against the probe"] = paired(right, probe)
        for damage in DEGRADED:
            ours, theirs = (
                np.concatenate([one.degraded[damage][place] for one in runs]) for place in (0, 1)
            )
            figures[f"{name}, {damage}, against the probe"] = paired(ours, theirs)
    return figures


def pooled_figures(figures: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the paired tests that all of several sets have, over the images of all."""
    shared = [name for name in figures[0] if all(name in one for one in figures)]
    return {name: pooled([one[name] for one in figures]) for name in shared if ", against " in name}


def sets_of(half: str) -> list[str]:
    """Return the names of the sets of a half, or end with a line where it has none."""
    names = [name for name, one in SETS.items() if one.half == half]
    if not names:
        raise SystemExit(f"benchmarks/recipe_sets.py has no set of the half {half}; name some")
    return names


def pooled_name(names: list[str]) -> str:
    """Return under which name results hold the figures of several sets together."""
    return ", ".join(names)


def fifths_of(options: argparse.Namespace) -> str:
    """Return what the names of results say of the fifths; nothing of the first alone."""
    if options.fifths == [1]:
        return ""
    return f", fifths {' and '.join(map(str, options.fifths))}"


def pool(names: list[str], together: str | None) -> None:
    """Put together what the results hold of several sets, or end with a line.

    together: the name of the result; None for those of the sets.

    Of one set the name of the result is that of its own figures, which would be lost.
    """
    if len(names) < 2:
        raise SystemExit(f"--pool puts sets together, and {names[0]} is one; name more by --sets")
    results = json.loads((RESULTS / "recipes.json").read_text("utf-8"))
    if missing := [name for name in names if name not in results]:
        raise SystemExit(f"recipes.json has nothing of {pooled_name(missing)}; run without --pool")
    figures = pooled_figures([results[name]["figures"] for name in names])
    record("recipes", together or pooled_name(names), machine(PACKAGES), figures)


def main() -> None:
    """Run the recipes on the sets of a half."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("half", choices=["choosing", "seen", "unseen"])
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipes", nargs="*", default=["default"], choices=RECIPES)
    parser.add_argument("--small-probe", action="store_true", help=f"also the {SMALL_PROBE}")
    parser.add_argument("--fifths", nargs="+", type=int, default=[1], choices=range(1, 6))
    parser.add_argument("--pool", action="store_true")
    parser.add_argument("--name", help="of what --pool puts together")
    add_peer_options(parser)
    options = parser.parse_args()
    options.fifths = sorted(set(options.fifths))
    for peer in options.peers:
        files_of(peer, options)
    names = list(dict.fromkeys(options.sets or sets_of(options.half)))
    if options.pool:
        pool(names, options.name)
        return
    together: list[dict[str, Answers]] = []
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / name
            prepare(folder, photos_of(name, options, Path(scratch)), values_of(name))
            seeds = [
                answers_of(folder, seed, fifth, options)
                for seed in range(1, options.seeds + 1)
                for fifth in options.fifths
            ]
            beside = f", beside {', '.join(options.peers)}" if options.peers else ""
            part = f"{name}{beside}{fifths_of(options)}"
            record("recipes", part, machine(PACKAGES), figures_of(seeds))
            together += seeds
    if len(names) > 1:
        all_sets = f"{pooled_name(names)}{fifths_of(options)}"
        record("recipes", all_sets, machine(PACKAGES), figures_of(together))


if __name__ == "__main__":
    main()
