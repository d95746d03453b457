"""Is a model as right as it is sure? Confidence against accuracy, before and after."""

from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """How sure, how right, and how far apart, over all and in ten steps of confidence."""

    confidence: float  # mean probability of the predicted class
    accuracy: float
    gap: float  # mean distance of the two within a step, weighted by images
    steps: np.ndarray  # (S, 3) confidence, accuracy, images of each step that has images


def reliability(confidence: np.ndarray, right: np.ndarray) -> Reliability:
    """Return the reliability over all runs and images; both (K, V), of at least one image.

    The gap is the expected calibration error of Guo et al. (ICML 2017) with ten equal steps; of
    few images it is never zero, so read it beside that of the other model, not by itself.
    """
    sure, good = confidence.ravel(), right.ravel().astype(float)
    step = np.minimum((sure * BINS).astype(int), BINS - 1)
    images = np.bincount(step, minlength=BINS)
    sums = [np.bincount(step, values, minlength=BINS) for values in (sure, good)]
    seen = images > 0
    means = [total[seen] / images[seen] for total in sums]
    gap = float(np.sum(np.abs(means[0] - means[1]) * images[seen]) / images.sum())
    steps = np.stack([*means, images[seen] / len(confidence)], axis=1)
    return Reliability(float(sure.mean()), float(good.mean()), gap, steps)
