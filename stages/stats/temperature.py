"""Temperature scaling (Guo et al. 2017, arXiv:1706.04599): one divisor of all logits calibrates.

It changes no prediction, only the confidence of each one.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from stages.base.stored_array import Rows, row_blocks
from stages.stats.calibration import expected_calibration_error
from stages.stats.image_groups import some_groups
from stages.stats.intervals import Interval, bootstrap
from stages.stats.metrics_record import TemperatureRecord
from stages.stats.outcomes import SMALLEST_PROBABILITY
from stages.stats.probability_blocks import largest_probability, most_probable

LOWEST_TEMPERATURE = 0.05  # tried
HIGHEST_TEMPERATURE = 20.0
_MOST_PROBABILITIES = 2**21  # to fit one number from: a second of work
_FEWEST_IN_HALF = 10  # images in each half, for a temperature to mean anything
_FEWEST_GROUPS = 2  # of one alone nobody can tell what others would give


@dataclass(frozen=True, kw_only=True)
class TemperatureEvaluation:
    """A temperature fitted on one half of the images, and its effect on the other half."""

    value: float  # above 1 it lowers the confidence
    fitted_on: int  # images
    evaluated_on: int
    ece_before: float
    ece_after: float
    nll_before: float  # mean -log p of the label; with bce the mean over the classes
    nll_after: float
    nll_change: Interval  # after minus before; below zero it helps

    @property
    def applied(self) -> float:
        """Return what confidence is calibrated by: 1 where the temperature surely harms."""
        return 1.0 if self.nll_change.low > 0 else self.value

    def as_dict(self) -> TemperatureRecord:
        """Return the fields as they stand in details.json."""
        return {
            "value": self.value,
            "fitted_on": self.fitted_on,
            "judged_on": self.evaluated_on,
            "ece_before": self.ece_before,
            "ece_after": self.ece_after,
            "nll_before": self.nll_before,
            "nll_after": self.nll_after,
            "nll_change": self.nll_change.as_dict(),
        }


def evaluate_temperature(
    targets: np.ndarray,
    pred_probs: Rows,
    in_first_half: np.ndarray,
    generator: np.random.Generator,
    groups: np.ndarray | None = None,
) -> TemperatureEvaluation | None:
    """Fit a temperature on the first half, (N,) bool, and evaluate it on the other.

    Return None where a half has fewer than ten images, or than two groups.
    """
    in_second_half = ~in_first_half
    if min(in_first_half.sum(), in_second_half.sum()) < _FEWEST_IN_HALF:
        return None
    if groups is not None:
        halves = (groups[in_first_half], groups[in_second_half])
        if min(len(np.unique(half)) for half in halves) < _FEWEST_GROUPS:
            return None
    classes = pred_probs.shape[1]
    first = _spaced(np.flatnonzero(in_first_half), classes)
    value = fit_temperature(targets[first], pred_probs[first])
    second = np.flatnonzero(in_second_half)
    right = most_probable(pred_probs)[second] == targets[second]
    images = len(second)
    blocks = [second[rows] for rows in row_blocks(second[:, None], classes)]
    losses = [_losses_before_and_after(targets[rows], pred_probs[rows], value) for rows in blocks]
    loss_before, loss_after = np.concatenate(losses, axis=1)
    change = loss_after - loss_before
    return TemperatureEvaluation(
        value=value,
        fitted_on=int(in_first_half.sum()),
        evaluated_on=images,
        ece_before=expected_calibration_error(largest_probability(pred_probs)[second], right),
        ece_after=expected_calibration_error(
            calibrated_confidence(pred_probs, value)[second], right
        ),
        nll_before=float(loss_before.mean()),
        nll_after=float(loss_after.mean()),
        nll_change=bootstrap(
            lambda counts: counts @ change / counts.sum(axis=1),
            images,
            generator,
            groups=some_groups(groups, in_second_half),
        ),
    )


def fit_temperature(targets: np.ndarray, pred_probs: Rows, smoothing: float = 0) -> float:
    """Return the temperature with the least loss, from LOWEST_ to HIGHEST_TEMPERATURE.

    smoothing: share of each label that is given to all classes alike, which limits the confidence
    where few images are all right (Platt 1999); not with bce. Of very many probabilities only
    evenly spaced rows are used.
    """
    rows = _spaced(np.arange(len(targets)), pred_probs.shape[1])
    targets = targets[rows]
    spaced = np.asarray(pred_probs[rows])
    possible = spaced > 0  # not what a class without training images has

    def mean_loss(log_temperature: float) -> float:
        scaled = apply_temperature(spaced, np.exp(log_temperature))
        loss = (1 - smoothing) * _losses(targets, scaled).mean()
        if smoothing:
            loss -= smoothing * np.log(_clip(scaled[possible])).mean()
        return float(loss)

    minimum = minimize_scalar(
        mean_loss, bounds=np.log([LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE]), method="bounded"
    )
    return float(np.exp(minimum.x))


def _spaced(rows: np.ndarray, classes: int) -> np.ndarray:
    """Return evenly spaced ones of these rows, of _MOST_PROBABILITIES in all."""
    return rows[:: max(1, -(-len(rows) * classes // _MOST_PROBABILITIES))]


def calibrated_confidence(pred_probs: Rows, temperature: float) -> np.ndarray:
    """Return the probability of the most probable class, (N,), once a temperature is applied."""
    return np.concatenate(
        [
            apply_temperature(np.asarray(pred_probs[rows]), temperature).max(axis=1)
            for rows in row_blocks(pred_probs)
        ]
    )


def apply_temperature(pred_probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities whose logits are divided by a temperature, (N, C) float64."""
    clipped = _clip(pred_probs)
    scaled: np.ndarray
    if _sums_to_one(pred_probs):
        logits = np.log(clipped) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scaled = powers / powers.sum(axis=1, keepdims=True)
        return scaled
    # Each class answers by itself: 1 / (1 + odds against), in the float32 that it came from.
    log_odds_against = np.log(np.clip(1 - clipped, 1e-8, 1)) - np.log(clipped)
    scaled = 1 / (1 + np.exp(np.clip(log_odds_against / temperature, -700, 700)))
    return scaled


def _losses_before_and_after(
    targets: np.ndarray, pred_probs: Rows, temperature: float
) -> np.ndarray:
    """Return the losses of a block of images without and with a temperature, (2, N)."""
    block = np.asarray(pred_probs)
    return np.stack(
        [_losses(targets, block), _losses(targets, apply_temperature(block, temperature))]
    )


def _losses(targets: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """Return each image's -log p of the label, (N,); with bce the mean loss over its classes."""
    clipped = _clip(pred_probs)
    rows = np.arange(len(targets))
    losses: np.ndarray
    if _sums_to_one(pred_probs):
        losses = -np.log(clipped[rows, targets])
        return losses
    log_against = np.log(np.clip(1 - clipped, 1e-8, 1))
    of_label = np.log(clipped[rows, targets]) - log_against[rows, targets]
    losses = -(log_against.sum(axis=1) + of_label) / clipped.shape[1]
    return losses


def _clip(pred_probs: np.ndarray) -> np.ndarray:
    """Return probabilities whose logarithms are finite, (N, C) float64."""
    return np.clip(pred_probs.astype(np.float64), SMALLEST_PROBABILITY, 1)


def _sums_to_one(pred_probs: np.ndarray) -> bool:
    """Return whether each row sums to one, as with softmax; with bce rows need not."""
    return bool(np.allclose(pred_probs.sum(axis=1), 1, atol=1e-3))
