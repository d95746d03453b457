"""Is the model as often right as it says? Reliability, its error, and one temperature to mend it.

Confidence is the probability of the predicted class. Where a model is 90 % confident it should be
wrong one time in ten; images sorted by confidence into bins show whether it is.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from stages.base.seed import derive, derive_int
from stages.report.intervals import CONFIDENCE, DRAWS, Interval, bootstrap, wilson

BINS, LEAST = 10, 15  # bins at most, and images that a bin holds at least
COLDEST, HOTTEST = 0.05, 20.0  # temperatures tried
FEWEST = 10  # images in each half, for a temperature to mean anything
SMALLEST = float(np.finfo(np.float32).tiny)

Tendency = Literal["too sure", "not sure enough", "cannot tell"]


@dataclass(frozen=True)
class Mended:
    """A temperature fitted on one half of the images, and what it does to the other half."""

    value: float  # above 1 it lowers the confidence
    fitted_on: int  # images
    judged_on: int
    ece_before: float
    ece_after: float
    nll_before: float  # mean -log p of the label; with bce the mean over the classes
    nll_after: float
    nll_change: Interval  # after minus before; below zero it helps


def calibration(
    paths: np.ndarray, targets: np.ndarray, probabilities: np.ndarray, seed: int
) -> dict[str, Any]:
    """Return what metrics.json says of the confidence of these images.

    `ece` is compared with `ece_by_chance`, which a perfectly calibrated model exceeds on so many
    images one time in twenty. `tendency` is the mean confidence against the accuracy.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    chance, tendency = if_calibrated(confidence, right, derive(seed, "calibration", "chance"))
    ece = calibration_error(confidence, right, derive(seed, "calibration", "ece"))
    first = np.array([derive_int(seed, "calibration", str(path)) % 2 == 0 for path in paths])
    mended = mend(targets, probabilities, first, derive(seed, "calibration", "temperature"))
    return {
        "ece": ece.as_dict(),
        "ece_by_chance": chance,
        "confidence": float(confidence.mean()),
        "tendency": tendency,
        "temperature": None if mended is None else asdict(mended),
    }


def reliability(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return a row a bin: low, high, images, mean confidence, accuracy with its 95 % interval.

    Bins hold about as many images each, since most confidences of a trained model are near 1;
    equal ones stay together.
    """
    rows = []
    place = _bins(confidence)
    for number in np.unique(place):
        inside = place == number
        hits = wilson(int(right[inside].sum()), int(inside.sum()))
        rows.append(
            {
                "low": confidence[inside].min(),
                "high": confidence[inside].max(),
                "images": int(inside.sum()),
                "confidence": confidence[inside].mean(),
                "accuracy": hits.value,
                "accuracy_low": hits.low,
                "accuracy_high": hits.high,
            }
        )
    return pd.DataFrame(rows)


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, generator: np.random.Generator
) -> Interval:
    """Return the expected calibration error over the bins of `reliability`, with its interval.

    The mean distance of confidence and accuracy, each bin weighing by its images (Naeini et al.
    2015). Resampling adds noise, and noise adds distance, so the interval leans upwards; it always
    holds the value.
    """
    gaps = _by_bin(_bins(confidence)) * (confidence - right)
    images = len(confidence)
    drawn = bootstrap(lambda counts: _distance(gaps @ counts.T, images), images, generator)
    value = drawn.value or 0.0
    return Interval(value, min(drawn.low, value), max(drawn.high, value))


def if_calibrated(
    confidence: np.ndarray, right: np.ndarray, generator: np.random.Generator
) -> tuple[float, Tendency]:
    """Return the calibration error that only chance exceeds in 5 %, and how the model tends.

    Outcomes are drawn as a perfectly calibrated model of these confidences would have them
    (consistency resampling, Bröcker and Smith 2007).
    """
    member, images = _by_bin(_bins(confidence)), len(confidence)
    errors, means = [], []
    block = max(1, min(DRAWS, 2**22 // images))
    for start in range(0, DRAWS, block):
        drawn = generator.random((min(block, DRAWS - start), images)) < confidence
        gaps = confidence - drawn
        errors.append(_distance(member @ gaps.T, images))
        means.append(gaps.mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    gap = float(np.mean(confidence - right))
    tendency: Tendency = "too sure" if gap > high else "not sure enough"
    if low <= gap <= high:
        tendency = "cannot tell"
    return float(np.quantile(np.concatenate(errors), CONFIDENCE)), tendency


def mend(
    targets: np.ndarray,
    probabilities: np.ndarray,
    first: np.ndarray,
    generator: np.random.Generator,
) -> Mended | None:
    """Fit a temperature on the `first` images and judge it on the rest; None with too few.

    Guo et al. 2017, arXiv:1706.04599. It changes no prediction, only how sure each one is.
    """
    rest = ~first
    if min(first.sum(), rest.sum()) < FEWEST:
        return None
    value = fit_temperature(targets[first], probabilities[first])
    before, of = probabilities[rest], targets[rest]
    after = tempered(before, value)
    right, images = before.argmax(axis=1) == of, len(of)
    loss_before, loss_after = _losses(of, before), _losses(of, after)
    change = loss_after - loss_before
    return Mended(
        value=value,
        fitted_on=int(first.sum()),
        judged_on=images,
        ece_before=_error(before, right),
        ece_after=_error(after, right),
        nll_before=float(loss_before.mean()),
        nll_after=float(loss_after.mean()),
        nll_change=bootstrap(lambda counts: counts @ change / images, images, generator),
    )


def fit_temperature(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the temperature with the least loss, within COLDEST and HOTTEST."""
    found = minimize_scalar(
        lambda power: float(_losses(targets, tempered(probabilities, np.exp(power))).mean()),
        bounds=np.log([COLDEST, HOTTEST]),
        method="bounded",
    )
    return float(np.exp(found.x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities whose logits are divided by a temperature, (N, C) float64."""
    given = np.clip(probabilities.astype(np.float64), SMALLEST, 1)
    if _sums_to_one(probabilities):
        logits = np.log(given) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    # Each class answers by itself: 1 / (1 + odds against), in the float32 that it came from.
    against = np.log(np.clip(1 - given, 1e-8, 1)) - np.log(given)
    return 1 / (1 + np.exp(np.clip(against / temperature, -700, 700)))


def _losses(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    given = np.clip(probabilities.astype(np.float64), SMALLEST, 1)
    rows = np.arange(len(targets))
    if _sums_to_one(probabilities):
        return -np.log(given[rows, targets])
    against = np.log(np.clip(1 - given, 1e-8, 1))
    of_label = np.log(given[rows, targets]) - against[rows, targets]
    return -(against.sum(axis=1) + of_label) / given.shape[1]


def _sums_to_one(probabilities: np.ndarray) -> bool:
    return bool(np.allclose(probabilities.sum(axis=1), 1, atol=1e-3))


def _error(probabilities: np.ndarray, right: np.ndarray) -> float:
    confidence = probabilities.max(axis=1).astype(np.float64)
    gaps = _by_bin(_bins(confidence)) @ (confidence - right)
    return float(_distance(gaps[:, None], len(right))[0])


def _distance(gaps: np.ndarray, images: int) -> np.ndarray:
    """Return the calibration errors (D,) of gaps summed by bin, (B, D)."""
    return np.abs(gaps).sum(axis=0) / images


def _bins(confidence: np.ndarray) -> np.ndarray:
    """Return the bin of each confidence, (N,) int: bounds at its quantiles."""
    count = int(np.clip(len(confidence) // LEAST, 1, BINS))
    bounds = np.quantile(confidence, np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(bounds, confidence, side="right")


def _by_bin(place: np.ndarray) -> np.ndarray:
    """Return which image is in which bin, (B, N) of 0 and 1."""
    return (np.unique(place)[:, None] == place).astype(np.float64)
