"""Fold probes: for each fold a linear probe that was fitted without it, and what it predicts there.

The temperature too is fitted without the fold, on predictions out of fold among the other images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from stages.base.stored_array import Rows
from stages.model.classifier import mean_activations
from stages.train.discriminant import LinearProbe, fit_probe
from stages.train.linear_probe import ProbeAnswers, as_probe, out_of_fold
from stages.train.probe_start import FoldProbe, ProbeStart


@dataclass(frozen=True, kw_only=True)
class ProbeImages:
    """N images as a probe is fitted on them."""

    paths: np.ndarray  # (N,) str
    targets: np.ndarray  # (N,) class numbers
    groups: np.ndarray  # (N,) str, the same for images that no fold may part
    pooled: Rows  # (N, 2F) float32, as concat pooling gives them


def with_fold_probes(
    start: ProbeStart, images: ProbeImages, folds: Mapping[int, np.ndarray], classes: int
) -> tuple[ProbeStart, ProbeAnswers]:
    """Return the start with a probe for each fold, and their answers.

    folds: number -> side of each image, (N,) str: train, valid or excluded. Each image is predicted
    by the probe of the fold that validates it; the probabilities of others are 0.
    """
    features = mean_activations(images.pooled)
    fold_of = np.zeros(len(images.paths), dtype=int)
    fitted: dict[int, LinearProbe] = {}
    bar = tqdm(folds.items(), "probe by folds", unit="fold", delay=1, leave=False)
    for number, side in bar:
        fold_of[side == "valid"] = number
        fitted[number] = _fit_on(features, images, side == "train", classes)
    answers = ProbeAnswers(features=features, probe_of=fold_of, probes=fitted, classes=classes)
    right = answers.right(images.targets)
    probes = {
        number: FoldProbe(
            probe=as_probe(fitted[number], images.pooled[side == "train"]),
            paths=images.paths[fold_of == number],
            right=right[fold_of == number],
        )
        for number, side in folds.items()
    }
    return replace(start, folds=probes), answers


def _fit_on(features: Rows, images: ProbeImages, train: np.ndarray, classes: int) -> LinearProbe:
    """Return the probe of the images that train, (N,) bool, and its temperature."""
    targets = images.targets[train]
    _, temperature = out_of_fold(features[train], targets, images.groups[train], classes)
    return replace(fit_probe(features[train], targets), temperature=temperature)
