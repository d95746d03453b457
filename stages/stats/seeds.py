"""Whether one recipe is better than another, each trained once or with several seeds."""

import numpy as np
from scipy.stats import t as student

from stages.stats.intervals import CONFIDENCE, Interval
from stages.stats.mcnemar import PairedComparison, Verdict, compare_paired, mcnemar, tango_interval


def compare_seeds(first: np.ndarray, second: np.ndarray) -> PairedComparison:
    """Compare two recipes by which of the same images each run has right, (K, V) and (L, V) bool.

    With one run each this is the paired test of `compare`, and says which of two models is better.
    With several it says which recipe is, and the stricter of two tests decides: one of the mean
    difference, whose variance is that between images plus that between seeds; and the sign test of
    the images that gained against those that lost, which holds where few differ. The noise of
    seeds counts a little in both parts of the variance, so the test errs towards "cannot tell".
    """
    if len(first) == len(second) == 1:
        return compare_paired(first[0], second[0])
    share = first.mean(axis=0) - second.mean(axis=0)  # of runs that are right, image by image
    gained, lost = int(np.sum(share > 0)), int(np.sum(share < 0))
    images, value = len(share), -float(share.mean()) if len(share) else 0.0
    if gained == lost == 0 or images < 2:
        return PairedComparison(
            "cannot tell", 1.0, tango_interval(lost, gained, images), gained, lost, images
        )
    error, freedom = _error(share, first, second)
    reach = error * float(student.ppf((1 + CONFIDENCE) / 2, freedom))
    p = mcnemar(gained, lost)
    if error > 0:
        p = max(p, float(2 * student.sf(abs(value) / error, freedom)))
    verdict: Verdict = "cannot tell"
    if p < 1 - CONFIDENCE:
        verdict = "better" if value < 0 else "worse"
    ends = Interval(value, max(value - reach, -1.0), min(value + reach, 1.0))
    return PairedComparison(verdict, p, ends, gained, lost, images)


def seed_spread(right: np.ndarray) -> float | None:
    """Return the standard deviation of the error rate over runs, (K, V) bool; of one run, None."""
    return float(right.mean(axis=1).std(ddof=1)) if len(right) > 1 else None


def _error(share: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the standard error of the mean difference, and its degrees of freedom.

    A single run has the spread of the other recipe's runs. The degrees of freedom are
    Satterthwaite's (1946).
    """
    known = [runs for runs in (first, second) if len(runs) > 1]
    parts = [(float(share.var(ddof=1)) / len(share), len(share) - 1)]
    for runs in (first, second):
        seen = runs if len(runs) > 1 else known[0]
        parts.append((float(seen.mean(axis=1).var(ddof=1)) / len(runs), len(seen) - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return 0.0, 1.0
    return variance**0.5, variance**2 / sum(part**2 / freedom for part, freedom in parts)
