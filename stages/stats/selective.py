"""Be sure, not only relatively sure: how often the model is right above a confidence."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from stages.stats.intervals import CONFIDENCE, wilson

ROWS = 200  # of the table at most
TENTHS = np.arange(1, 11) / 10


@dataclass(frozen=True)
class SelectiveThreshold:
    """The confidence from which on a model is right so often, or why none can be named."""

    threshold: float | None  # smallest confidence to accept
    images: int  # validation images that reach it
    coverage: float  # their share
    accuracy: float | None  # among them
    low: float | None  # the accuracy is at least this, 19 times out of 20, all tries together
    reason: str  # "" where a threshold is named


def coverage_table(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return threshold, images, coverage, errors, error_rate and its 95 % interval.

    A row a confidence, surest first: what remains to be wrong when only images at least so sure are
    accepted. Equal confidences are accepted together; of a long table every so many rows are kept.
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_, errors = confidence[order], np.cumsum(~right[order])
    last = np.flatnonzero(np.append(sorted_[1:] != sorted_[:-1], True))
    if len(last) > ROWS:
        last = last[np.unique(np.linspace(0, len(last) - 1, ROWS).round().astype(int))]
    rows = []
    for place in last:
        rate = wilson(int(errors[place]), int(place) + 1)
        rows.append(
            {
                "threshold": sorted_[place],
                "images": place + 1,
                "coverage": (place + 1) / len(right),
                "errors": errors[place],
                "error_rate": rate.value,
                "error_low": rate.low,
                "error_high": rate.high,
            }
        )
    return pd.DataFrame(rows)


def find_threshold(confidence: np.ndarray, right: np.ndarray, level: float) -> SelectiveThreshold:
    """Return the lowest confidence above which the model is right at least `level` of the time.

    The surest tenth, two tenths and so on are tried. The bound is Clopper and Pearson's, one-sided,
    and the 5 % that it may err are shared by all tries (Bonferroni), so that the best of them is no
    lucky one. Tries too small to succeed even without a mistake are left out beforehand.
    """
    images, tries = len(right), _tries(len(right), level)
    if not tries:
        least = _least(level, 1)
        reason = f"not reachable with so few images: {least} without a mistake are needed"
        return SelectiveThreshold(None, 0, 0.0, None, None, f"{reason}, and {images} are there")
    best = SelectiveThreshold(None, 0, 0.0, None, None, "not reached at any confidence")
    ordered = np.sort(confidence)[::-1]
    for number in tries:
        threshold = float(ordered[number - 1])
        taken = confidence >= threshold
        hits, of = int(right[taken].sum()), int(taken.sum())
        low = lower_bound(hits, of, (1 - CONFIDENCE) / len(tries))
        if low >= level and of > best.images:
            best = SelectiveThreshold(threshold, of, of / images, hits / of, low, "")
    return best


def lower_bound(hits: int, of: int, alpha: float) -> float:
    """Return the share that the truth exceeds but for a chance of alpha (Clopper, Pearson 1934)."""
    return float(beta.ppf(alpha, hits, of - hits + 1)) if hits else 0.0


def _tries(images: int, level: float) -> list[int]:
    """Return the numbers of images to try: the most tenths of which each could succeed."""
    numbers = sorted({int(np.ceil(share * images)) for share in TENTHS})
    while numbers and numbers[0] < _least(level, len(numbers)):
        numbers = numbers[1:]
    return numbers


def _least(level: float, tries: int) -> int:
    """Return how many images without a mistake it takes to show the level."""
    return int(np.ceil(np.log((1 - CONFIDENCE) / tries) / np.log(level)))
