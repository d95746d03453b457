"""Fold probes: for each fold a linear probe that was fitted without it, and what it predicts there.

The temperature too is fitted without the fold, on predictions out of fold among the other images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from stages.model.classifier import mean_activations
from stages.train.linear_probe import as_probe, fit_probe, out_of_fold, predict_probe
from stages.train.probe_start import FoldProbe, ProbeStart


@dataclass(frozen=True, kw_only=True)
class ProbeImages:
    """N images as a probe is fitted on them."""

    paths: np.ndarray  # (N,) str
    targets: np.ndarray  # (N,) class numbers
    groups: np.ndarray  # (N,) str, the same for images that no fold may part
    pooled: np.ndarray  # (N, 2F) float32, as concat pooling gives them


def with_fold_probes(
    start: ProbeStart, images: ProbeImages, folds: Mapping[int, np.ndarray], classes: int
) -> tuple[ProbeStart, np.ndarray]:
    """Return the start with a probe for each fold, and their probabilities (N, classes) float32.

    folds: number -> side of each image, (N,) str: train, valid or excluded. Each image is predicted
    by the probe of the fold that validates it; the probabilities of others are 0.
    """
    pred_probs = np.zeros((len(images.paths), classes), dtype=np.float32)
    probes: dict[int, FoldProbe] = {}
    bar = tqdm(folds.items(), "probe by folds", unit="fold", delay=1, leave=False)
    for number, side in bar:
        valid = side == "valid"
        probes[number], pred_probs[valid] = _fit_without(images, side == "train", valid, classes)
    return replace(start, folds=probes), pred_probs


def _fit_without(
    images: ProbeImages, train: np.ndarray, valid: np.ndarray, classes: int
) -> tuple[FoldProbe, np.ndarray]:
    """Return the probe of the images that train, and its probabilities of those that validate."""
    features = mean_activations(images.pooled)
    targets = images.targets[train]
    _, temperature = out_of_fold(features[train], targets, images.groups[train], classes)
    fitted = fit_probe(features[train], targets)
    pred_probs = predict_probe(fitted, features[valid], classes, temperature)
    fold_probe = FoldProbe(
        probe=as_probe(fitted, images.pooled[train], temperature),
        paths=images.paths[valid],
        right=pred_probs.argmax(axis=1) == images.targets[valid],
    )
    return fold_probe, pred_probs
