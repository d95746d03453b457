"""Selective prediction: the confidence above which the model is right at a given rate."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri, stdtrit

from stages.stats.effective_images import effective_images, share_interval
from stages.stats.image_groups import effective_groups, some_groups
from stages.stats.intervals import CONFIDENCE
from stages.stats.metrics_record import ThresholdRecord

COVERAGE_ROWS = 200  # of the coverage table at most
_TENTHS = np.arange(1, 11) / 10


@dataclass(frozen=True, kw_only=True)
class SelectiveThreshold:
    """The confidence to accept from for one level of accuracy, or why none can be named."""

    threshold: float | None = None  # smallest confidence to accept
    images: int = 0  # validation images that reach it
    coverage: float = 0.0  # their share
    accuracy: float | None = None  # among them
    low: float | None = None  # lower bound of the accuracy, at 95 % over all tries together
    reason: str = ""  # "" where a threshold is named

    def as_dict(self) -> ThresholdRecord:
        """Return the fields as they stand in details.json."""
        return {
            "threshold": self.threshold,
            "images": self.images,
            "coverage": self.coverage,
            "accuracy": self.accuracy,
            "low": self.low,
            "reason": self.reason,
        }


def coverage_table(
    confidence: np.ndarray, right: np.ndarray, groups: np.ndarray | None = None
) -> pd.DataFrame:
    """Return the risk-coverage table of N images, by falling confidence threshold.

    Columns: threshold, images, coverage, errors, error_rate, error_low and error_high (95 %
    interval): what remains wrong when only images of at least this confidence are accepted. Equal
    confidences are accepted together; a long table is thinned evenly to COVERAGE_ROWS.
    """
    order = np.argsort(-confidence, kind="stable")
    thresholds = confidence[order]
    wrong = ~right[order]
    falling_groups = some_groups(groups, order)
    errors = np.cumsum(wrong)
    last_of_equals = np.flatnonzero(np.append(thresholds[1:] != thresholds[:-1], True))
    if len(last_of_equals) > COVERAGE_ROWS:
        even = np.linspace(0, len(last_of_equals) - 1, COVERAGE_ROWS)
        last_of_equals = last_of_equals[np.unique(even.round().astype(int))]
    rows = []
    for index in last_of_equals:
        accepted = slice(index + 1)
        rate = share_interval(wrong[accepted], some_groups(falling_groups, accepted))
        rows.append(
            {
                "threshold": thresholds[index],
                "images": index + 1,
                "coverage": (index + 1) / len(right),
                "errors": errors[index],
                "error_rate": rate.value,
                "error_low": rate.low,
                "error_high": rate.high,
            }
        )
    return pd.DataFrame(rows)


def find_threshold(
    confidence: np.ndarray, right: np.ndarray, level: float, groups: np.ndarray | None = None
) -> SelectiveThreshold:
    """Return the lowest confidence above which the model is right at least `level` of the time.

    The tenth with the highest confidence, two tenths and so on are tried. The bound is Clopper and
    Pearson's, one-sided, and the 5 % that it may err are shared by all tries (Bonferroni), so that
    the best try is not merely a lucky one. Tries too small to succeed even without a mistake are
    left out beforehand. With groups, (N,) int, the bound is that of the effective images.
    """
    images = len(right)
    falling = np.sort(confidence)[::-1]
    parts = {
        count: some_groups(groups, confidence >= falling[count - 1])
        for count in sorted({int(np.ceil(share * images)) for share in _TENTHS})
        if count
    }
    tries = _tries(parts, level)
    if not tries:
        return SelectiveThreshold(reason=_not_reachable(images, level, groups))
    best = SelectiveThreshold(reason="not reached at any confidence")
    for count in tries:
        threshold = float(falling[count - 1])
        accepted = confidence >= threshold
        hits = int(right[accepted].sum())
        trials = int(accepted.sum())
        worth = 1.0
        if groups is not None:
            worth = effective_images(right[accepted], groups[accepted]) / trials
        low = lower_bound(hits * worth, trials * worth, (1 - CONFIDENCE) / len(tries))
        if low >= level and trials > best.images:
            best = SelectiveThreshold(
                threshold=threshold,
                images=trials,
                coverage=trials / images,
                accuracy=hits / trials,
                low=low,
            )
    return best


def lower_bound(hits: float, trials: float, alpha: float) -> float:
    """Return the one-sided lower bound of a proportion, which errs with probability alpha.

    Clopper and Pearson 1934.
    """
    return float(betaincinv(hits, trials - hits + 1, alpha)) if hits else 0.0


def _tries(parts: Mapping[int, np.ndarray | None], level: float) -> list[int]:
    """Return the numbers of images to try: the most tenths of which each could succeed.

    parts: by these numbers, the groups of the images that are accepted then; None without groups.
    """
    counts = list(parts)
    while counts:
        alpha = (1 - CONFIDENCE) / len(counts)
        hopeless = [
            count for count in counts if not _can_succeed(count, parts[count], level, alpha)
        ]
        if not hopeless:
            break
        counts.remove(hopeless[0])
    return counts


def _can_succeed(images: int, groups: np.ndarray | None, level: float, alpha: float) -> bool:
    """Return whether any outcome of so many images shows the level.

    Without a mistake images of groups are worth the effective groups. Mistakes in groups of their
    own show that images of a group are not alike: at best all count, but for Student's t of as many
    degrees of freedom. So more of them may show what none does not.
    """
    needed = np.log(alpha) / np.log(level)
    if groups is None:
        return bool(images >= needed)
    if effective_groups(groups) >= needed:
        return True
    mistakes = np.arange(1, len(np.unique(groups)))
    share = np.maximum(1 - mistakes / len(groups), 0)
    tail = (1 + CONFIDENCE) / 2
    worth = len(groups) * (ndtri(tail) / stdtrit(mistakes, tail)) ** 2
    return bool(np.any(betaincinv(share * worth, (1 - share) * worth + 1, alpha) >= level))


def _not_reachable(images: int, level: float, groups: np.ndarray | None) -> str:
    """Return that no number of images could succeed, and how many would."""
    fewest = _fewest_images(level, 1)
    if groups is None:
        reason = f"not reachable with so few images: {fewest} without a mistake are needed"
        return f"{reason}, and {images} are there"
    reason = f"not reachable with so few groups: {fewest} of one size without a mistake are needed"
    return f"{reason}, and these are worth {int(effective_groups(groups) + 1e-9)}"


def _fewest_images(level: float, tries: int) -> int:
    """Return how many images without a mistake it takes to show the level."""
    return int(np.ceil(np.log((1 - CONFIDENCE) / tries) / np.log(level)))
