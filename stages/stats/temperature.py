"""One temperature for all logits, which makes a model as sure as it is right.

Guo et al. 2017, arXiv:1706.04599. It changes no prediction, only how sure each one is.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from stages.stats.calibration import expected_calibration_error
from stages.stats.intervals import Interval, bootstrap

COLDEST, HOTTEST = 0.05, 20.0  # temperatures tried
ENOUGH = 2**21  # probabilities to fit one number from: a second of work
FEWEST = 10  # images in each half, for a temperature to mean anything
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class TemperatureEvaluation:
    """A temperature fitted on one half of the images, and what it does to the other half."""

    value: float  # above 1 it lowers the confidence
    fitted_on: int  # images
    judged_on: int
    ece_before: float
    ece_after: float
    nll_before: float  # mean -log p of the label; with bce the mean over the classes
    nll_after: float
    nll_change: Interval  # after minus before; below zero it helps


def evaluate_temperature(
    targets: np.ndarray,
    pred_probs: np.ndarray,
    first: np.ndarray,
    generator: np.random.Generator,
) -> TemperatureEvaluation | None:
    """Fit a temperature on the `first` images and judge it on the rest; None with too few."""
    rest = ~first
    if min(first.sum(), rest.sum()) < FEWEST:
        return None
    value = fit_temperature(targets[first], pred_probs[first])
    before, of = pred_probs[rest], targets[rest]
    after = apply_temperature(before, value)
    right, images = before.argmax(axis=1) == of, len(of)
    loss_before, loss_after = _losses(of, before), _losses(of, after)
    change = loss_after - loss_before
    return TemperatureEvaluation(
        value=value,
        fitted_on=int(first.sum()),
        judged_on=images,
        ece_before=expected_calibration_error(before.max(axis=1), right),
        ece_after=expected_calibration_error(after.max(axis=1), right),
        nll_before=float(loss_before.mean()),
        nll_after=float(loss_after.mean()),
        nll_change=bootstrap(lambda counts: counts @ change / images, images, generator),
    )


def fit_temperature(targets: np.ndarray, pred_probs: np.ndarray) -> float:
    """Return the temperature with the least loss, within COLDEST and HOTTEST.

    Of more than ENOUGH probabilities every so many rows are taken.
    """
    every = -(-pred_probs.size // ENOUGH)
    targets, pred_probs = targets[::every], pred_probs[::every]
    found = minimize_scalar(
        lambda power: float(_losses(targets, apply_temperature(pred_probs, np.exp(power))).mean()),
        bounds=np.log([COLDEST, HOTTEST]),
        method="bounded",
    )
    return float(np.exp(found.x))


def apply_temperature(pred_probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities whose logits are divided by a temperature, (N, C) float64."""
    given = np.clip(pred_probs.astype(np.float64), SMALLEST, 1)
    if _sums_to_one(pred_probs):
        logits = np.log(given) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    # Each class answers by itself: 1 / (1 + odds against), in the float32 that it came from.
    against = np.log(np.clip(1 - given, 1e-8, 1)) - np.log(given)
    return 1 / (1 + np.exp(np.clip(against / temperature, -700, 700)))


def _losses(targets: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    given = np.clip(pred_probs.astype(np.float64), SMALLEST, 1)
    rows = np.arange(len(targets))
    if _sums_to_one(pred_probs):
        return -np.log(given[rows, targets])
    against = np.log(np.clip(1 - given, 1e-8, 1))
    of_label = np.log(given[rows, targets]) - against[rows, targets]
    return -(against.sum(axis=1) + of_label) / given.shape[1]


def _sums_to_one(pred_probs: np.ndarray) -> bool:
    return bool(np.allclose(pred_probs.sum(axis=1), 1, atol=1e-3))
