"""Which rule joins the sources best: label issues on pets, simulated so that many are compared.

For each seed 5 % of the labels are changed at random and a linear head is trained on the frozen
features, with dropout and noise, for six epochs; its margins, and its probabilities for a fifth of
the images as validation, stand for fine-tuning (real training gave as many negative margins, 6 to
8 %). The probe is fitted out of fold on all 1,280 features, on 96, or on 24 of them, so that it
doubts few labels or many. Precision is the share of changed labels among as many issues.
Run: python -m benchmarks.suspect_rules FOLDER [--work FOLDER], where FOLDER holds photos of pets
named like great_pyrenees_173.jpg; features in the work folder are not computed again.
Results: benchmarks/results/suspect_rules.json.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import logit
from torch.nn import functional

from benchmarks.measure import machine, record, with_mean
from benchmarks.pet_features import PetFeatures, pet_features
from benchmarks.suspects import PACKAGES, SHARE
from stages.stats.label_issues import rank_label_issues
from stages.stats.predictions import Baseline, Predictions
from stages.train.linear_probe import out_of_fold
from stages.train.losses import label_margins

SEEDS = range(100, 105)
WIDTHS = (1280, 96, 24)
EPOCHS = 6
BATCH = 24
RATE = 6e-4


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The input of a rule, a row for each image."""

    probe_label: np.ndarray  # the probe's probability of the label
    probe_rival: np.ndarray  # and of the most probable other class
    training: np.ndarray  # the margin; in validation the model's probability of the label
    training_log_odds: np.ndarray  # of label against rival
    valid: np.ndarray  # bool


def train(
    features: np.ndarray, labels: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean margin of every image in rows, and the head's probabilities of all."""
    torch.manual_seed(int(rng.integers(2**31)))
    inputs = torch.tensor((features - features.mean(0)) / (features.std(0) + 1e-6))
    targets = torch.tensor(labels)
    head = torch.nn.Linear(features.shape[1], labels.max() + 1)
    torch.nn.init.zeros_(head.weight)
    adam = torch.optim.AdamW(head.parameters())
    steps = len(rows) // BATCH
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, total_steps=EPOCHS * steps)
    margin_sums = np.zeros(len(labels))
    counts = np.zeros(len(labels))
    for _ in range(EPOCHS):
        order = rng.permutation(rows)
        for batch in (order[BATCH * step : BATCH * (step + 1)] for step in range(steps)):
            augmented = functional.dropout(inputs[batch], 0.25) + 0.3 * torch.randn(
                BATCH, inputs.shape[1]
            )
            activations = head(augmented)
            pred_probs = activations.detach().softmax(1)
            margin_sums[batch] += label_margins(pred_probs, targets[batch]).numpy()
            counts[batch] += 1
            adam.zero_grad()
            torch.autograd.backward(functional.cross_entropy(activations, targets[batch]))
            adam.step()
            cycle.step()
    with torch.no_grad():
        pred_probs = head(inputs).softmax(1).numpy()
    return (margin_sums / np.maximum(counts, 1))[rows], pred_probs


def ranks(evidence: Evidence) -> tuple[pd.Series, pd.Series]:
    """Return the shares of ranks of both sources, training and validation ranked apart."""
    training = pd.Series(evidence.training)
    by_probe = pd.Series(evidence.probe_label).rank(pct=True)
    return by_probe, training.groupby(evidence.valid).rank(pct=True)


def against_rival(evidence: Evidence) -> np.ndarray:
    """Return the log-odds of label against rival, both sources added up."""
    share = evidence.probe_label / (evidence.probe_label + evidence.probe_rival)
    probe_log_odds = logit(share.clip(1e-6, 1 - 1e-6))
    log_odds: np.ndarray = probe_log_odds + evidence.training_log_odds
    return log_odds


def mean_of_ranks(evidence: Evidence) -> pd.Series:
    """Return the sum of both shares of ranks, which orders as their mean does."""
    by_probe, by_training = ranks(evidence)
    return by_probe + by_training


def mean_of_log_ranks(evidence: Evidence) -> pd.Series:
    """Return the sum of the logarithms of both shares of ranks."""
    by_probe, by_training = ranks(evidence)
    return pd.Series(np.log(by_probe) + np.log(by_training))


RULES: dict[str, Callable[[Evidence], np.ndarray | pd.Series]] = {
    "the probe alone": lambda evidence: evidence.probe_label,
    "training and validation alone": lambda evidence: ranks(evidence)[1],
    "mean of ranks": mean_of_ranks,
    "mean of logarithms of ranks": mean_of_log_ranks,
    "log-odds of label against rival": against_rival,
}


def precisions_of(data: PetFeatures, seed: int) -> dict[tuple[int, str], float]:
    """Return the precision of every rule at every width of the probe."""
    rng = np.random.default_rng(seed)
    images = len(data.truth)
    labels = data.truth.copy()
    changed = rng.choice(images, round(SHARE * images), replace=False)
    for row in changed:
        labels[row] = rng.choice(np.delete(np.arange(len(data.class_names)), data.truth[row]))
    valid = rng.random(images) < 0.2
    rows = np.flatnonzero(~valid)
    margin, model = train(data.features, labels, rows, rng)
    predictions = Predictions(
        class_names=data.class_names,
        paths=data.paths[valid],
        targets=labels[valid],
        pred_probs=model[valid],
        train_paths=data.paths[rows],
        train_targets=labels[rows],
        train_margins=margin.astype("float32"),
    )
    no_duplicates = pd.Series(data.paths, data.paths)
    precisions = {}
    for width in WIDTHS:
        columns = rng.choice(data.features.shape[1], width, replace=False)
        answers, _ = out_of_fold(
            data.features[:, columns], labels, data.groups, len(data.class_names)
        )
        probe = np.concatenate([*answers.blocks()])
        baseline = Baseline(
            class_names=data.class_names,
            paths=data.paths,
            targets=labels,
            pred_probs=probe,
            valid_paths=data.paths[valid],
            valid_pred_probs=probe[valid],
        )
        ranked = rank_label_issues(baseline, predictions, no_duplicates, len(changed))["path"]
        hits = ranked.isin(data.paths[changed])
        precisions[width, "the project's"] = float(hits.mean())
        evidence = _evidence(labels, probe, model, margin, valid)
        for name, rule in RULES.items():
            first = np.argsort(np.asarray(rule(evidence)), kind="stable")[: len(changed)]
            precisions[width, name] = float(np.isin(first, changed).mean())
    return precisions


def _evidence(
    labels: np.ndarray, probe: np.ndarray, model: np.ndarray, margin: np.ndarray, valid: np.ndarray
) -> Evidence:
    """Return the input of the rules; margins are of training images, in their order."""
    probe_label, probe_rival = _label_and_rival(probe, labels)
    training, model_rival = _label_and_rival(model, labels)
    share = training / (training + model_rival)
    training[~valid] = margin
    share[~valid] = (1 + margin) / 2
    return Evidence(
        probe_label=probe_label,
        probe_rival=probe_rival,
        training=training,
        training_log_odds=logit(share.clip(1e-6, 1 - 1e-6)),
        valid=valid,
    )


def _label_and_rival(pred_probs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of the label and of the most probable other class, (N,) each."""
    rows = np.arange(len(labels))
    others = pred_probs.astype(np.float64)
    of_label = others[rows, labels].copy()
    others[rows, labels] = 0
    return of_label, others.max(axis=1)


def main() -> None:
    """Compare the rules."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        data = pet_features(options.photos, options.work or Path(scratch))
    by_seed = [precisions_of(data, seed) for seed in SEEDS]
    for width in WIDTHS:
        figures = {
            name: with_mean([precisions[width, name] for precisions in by_seed])
            for name in ("the project's", *RULES)
        }
        record("suspect_rules", f"probe on {width} features", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
