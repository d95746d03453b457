"""Which rule joins the witnesses best: suspects on pets, simulated so that many can be compared.

For each seed 5 % of the labels are changed at random and a linear head is trained on the frozen
features, with dropout and noise, for six epochs; its margins, and what it says of a fifth held
out, stand for fine-tuning (real training gave as many negative margins, 6 to 8 %). The probe is
fitted out of fold on all 1,280 features, on 96, or on 24 of them, so that it doubts few labels or
many. Precision is the share of changed labels among as many suspects.
Run: python -m benchmarks.suspect_rules FOLDER [--work FOLDER], where FOLDER holds photos of pets
named like great_pyrenees_173.jpg; features in the work folder are not computed again.
Results: benchmarks/results/suspect_rules.json.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.special import logit

from benchmarks.measure import machine, record, with_mean
from benchmarks.suspects import PACKAGES, SHARE
from benchmarks.training import photograph_values, prepare
from stages.batch.loader import RenderSpec, open_photos, valid_batches
from stages.dataset.duplicates import duplicate_groups
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.stats.label_issues import rank_label_issues
from stages.stats.predictions import Baseline, Predictions
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.infer import pooled_features
from stages.train.losses import margins
from stages.train.probe import out_of_fold

SEEDS = range(100, 105)
WIDTHS = (1280, 96, 24)
EPOCHS, BATCH, RATE = 6, 24, 6e-4


class Pets(NamedTuple):
    """What does not depend on the seed."""

    features: np.ndarray  # (N, F)
    truth: np.ndarray  # (N,) class numbers
    paths: np.ndarray
    groups: np.ndarray
    class_names: np.ndarray


class Evidence(NamedTuple):
    """What the rules see, a row an image; own is the margin or the held-out probability."""

    label: np.ndarray  # the probe's probability of the label
    rival: np.ndarray  # and of the best other class
    own: np.ndarray
    own_odds: np.ndarray  # log-odds of label against rival
    valid: np.ndarray


def pets(photos: Path, work: Path) -> Pets:
    """Return the frozen features of every photo."""
    folder, kept = work / "pets", work / "features.npz"
    if not kept.exists():
        if not folder.exists():
            prepare(folder, photos, photograph_values())
        splits, store = read_splits(folder / "data/splits.csv"), Store(folder / "data/presized")
        splits["label"] = splits["path"].str.replace(r"_\d+\.\w+$", "", regex=True)
        class_names, compute = list_class_names(splits), open_device("cpu", "fp32")
        shown = open_photos(store, splits, class_names, 2, compute.device)
        params = ModelParams(
            arch="efficientnet_lite0", weights="package", head="linear", cut="none"
        )
        model = build_classifier(params, len(class_names), 0, 224)
        look = RenderSpec(224, model.mean, model.std, compute.device)
        features = pooled_features(model, valid_batches(shown, look, 64), compute)
        paths = np.array(shown.paths)
        alike = duplicate_groups(store.index)[paths].to_numpy(str)
        np.savez(kept, features, shown.targets, paths, alike, np.array(class_names))
    with np.load(kept) as archive:
        return Pets(*(archive[name] for name in archive.files))


def train(
    features: np.ndarray, labels: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean margin of every image in rows, and the head's probabilities of all."""
    torch.manual_seed(int(rng.integers(2**31)))
    inputs = torch.tensor((features - features.mean(0)) / (features.std(0) + 1e-6))
    targets, head = torch.tensor(labels), torch.nn.Linear(features.shape[1], labels.max() + 1)
    torch.nn.init.zeros_(head.weight)
    adam, steps = torch.optim.AdamW(head.parameters()), len(rows) // BATCH
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=EPOCHS * steps)
    total, seen = np.zeros(len(labels)), np.zeros(len(labels))
    for _ in range(EPOCHS):
        order = rng.permutation(rows)
        for batch in (order[BATCH * step : BATCH * (step + 1)] for step in range(steps)):
            shown = F.dropout(inputs[batch], 0.25) + 0.3 * torch.randn(BATCH, inputs.shape[1])
            activations = head(shown)
            total[batch] += margins(activations.detach().softmax(1), targets[batch]).numpy()
            seen[batch] += 1
            adam.zero_grad()
            F.cross_entropy(activations, targets[batch]).backward()
            adam.step()
            cycle.step()
    with torch.no_grad():
        return (total / np.maximum(seen, 1))[rows], head(inputs).softmax(1).numpy()


def ranks(evidence: Evidence) -> tuple[pd.Series, pd.Series]:
    """Return the shares of ranks of both witnesses, training and validation ranked apart."""
    own = pd.Series(evidence.own)
    return pd.Series(evidence.label).rank(pct=True), own.groupby(evidence.valid).rank(pct=True)


def against_rival(evidence: Evidence) -> np.ndarray:
    """Return the log-odds of label against rival, both witnesses added up."""
    return logit((evidence.label / (evidence.label + evidence.rival)).clip(1e-6, 1 - 1e-6)) + (
        evidence.own_odds
    )


RULES: dict[str, Callable[[Evidence], np.ndarray | pd.Series]] = {
    "the probe alone": lambda evidence: evidence.label,
    "training and validation alone": lambda evidence: ranks(evidence)[1],
    "mean of ranks": lambda evidence: sum(ranks(evidence)),
    "mean of logarithms of ranks": lambda evidence: sum(map(np.log, ranks(evidence))),
    "log-odds of label against rival": against_rival,
}


def seed_of(known: Pets, seed: int) -> dict[tuple[int, str], float]:
    """Return the precision of every rule at every width of the probe."""
    rng, images = np.random.default_rng(seed), len(known.truth)
    labels, changed = known.truth.copy(), rng.choice(images, round(SHARE * images), replace=False)
    for row in changed:
        labels[row] = rng.choice(np.delete(np.arange(len(known.class_names)), known.truth[row]))
    valid = rng.random(images) < 0.2
    rows = np.flatnonzero(~valid)
    margin, model = train(known.features, labels, rows, rng)
    predictions = Predictions(
        known.class_names, known.paths[valid], labels[valid], model[valid], known.paths[rows],
        labels[rows], margin.astype("float32"),
    )  # fmt: skip
    found = {}
    for width in WIDTHS:
        some = rng.choice(known.features.shape[1], width, replace=False)
        probe = out_of_fold(known.features[:, some], labels, known.groups, len(known.class_names))
        baseline = Baseline(
            known.class_names, known.paths, labels, probe, known.paths[valid], probe[valid]
        )
        alone = pd.Series(known.paths, known.paths)
        ranked = rank_label_issues(baseline, predictions, alone, len(changed))["path"]
        found[width, "the project's"] = float(ranked.isin(known.paths[changed]).mean())
        evidence = _evidence(labels, probe, model, margin, valid)
        for name, rule in RULES.items():
            first = np.argsort(np.asarray(rule(evidence)), kind="stable")[: len(changed)]
            found[width, name] = float(np.isin(first, changed).mean())
    return found


def _evidence(
    labels: np.ndarray, probe: np.ndarray, model: np.ndarray, margin: np.ndarray, valid: np.ndarray
) -> Evidence:
    (label, rival), (own, other) = (_pair(rows, labels) for rows in (probe, model))
    own[~valid], share = margin, own / (own + other)
    share[~valid] = (1 + margin) / 2
    return Evidence(label, rival, own, logit(share.clip(1e-6, 1 - 1e-6)), valid)


def _pair(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    place, others = np.arange(len(labels)), rows.astype(np.float64)
    own = others[place, labels].copy()
    others[place, labels] = 0
    return own, others.max(axis=1)


def main() -> None:
    """Compare the rules."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        known = pets(options.photos, options.work or Path(scratch))
    seeds = [seed_of(known, seed) for seed in SEEDS]
    for width in WIDTHS:
        found = {name: [one[width, name] for one in seeds] for name in ("the project's", *RULES)}
        figures = {name: with_mean(values) for name, values in found.items()}
        record("suspect_rules", f"probe on {width} features", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
