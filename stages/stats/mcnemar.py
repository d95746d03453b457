"""Is one classifier better than another on the same images? A paired test, answered in words."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest

from stages.stats.intervals import CONFIDENCE, Interval

Verdict = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True)
class PairedComparison:
    """The first classifier against the second; only images where they differ carry evidence."""

    verdict: Verdict  # the first is better than the second, or worse, or cannot tell
    p: float  # exact McNemar, two-sided
    difference: Interval  # error rate of the first minus that of the second
    only_first_right: int  # images
    only_second_right: int
    images: int


def compare_paired(first_right: np.ndarray, second_right: np.ndarray) -> PairedComparison:
    """Compare two classifiers by which of the same images, (V,) bool, each has right.

    The verdict is that of the exact McNemar test (McNemar 1947) at the 5 % level. The interval is
    Tango's, which follows the same test without its exactness, so it may just miss zero while the
    verdict is still "cannot tell": the stricter of the two decides.
    """
    gained = int(np.sum(first_right & ~second_right))
    lost = int(np.sum(second_right & ~first_right))
    p = mcnemar(gained, lost)
    verdict: Verdict = "cannot tell"
    if p < 1 - CONFIDENCE:
        verdict = "better" if gained > lost else "worse"
    images = len(first_right)
    return PairedComparison(verdict, p, tango_interval(lost, gained, images), gained, lost, images)


def mcnemar(one: int, other: int) -> float:
    """Return the two-sided p of the exact McNemar test from the two discordant counts."""
    return float(binomtest(one, one + other).pvalue) if one + other else 1.0


def tango_interval(one: int, other: int, images: int) -> Interval:
    """Return the interval for (one - other) / images, a difference of paired proportions.

    Tango's score interval (Statistics in Medicine 17, 1998), recommended for paired data by
    Fagerland, Lydersen and Laake (BMC Medical Research Methodology 14, 2014).
    """
    if images == 0:
        return Interval(None, -1.0, 1.0)
    value = (one - other) / images
    return Interval(value, -_upper_end(other, one, images), _upper_end(one, other, images))


def _upper_end(one: int, other: int, images: int) -> float:
    """Return the largest difference that the score test at the 5 % level does not reject."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

    def excess(difference: float) -> float:
        # The square of Tango's statistic times its variance; q is the maximum-likelihood
        # estimate of P(only the second) when the difference is the given one.
        b = (2 * images - one + other) * difference - one - other
        c = -other * difference * (1 - difference)
        q = (np.sqrt(max(b * b - 8 * images * c, 0.0)) - b) / (4 * images)
        variance = images * (2 * q + difference * (1 - difference))
        return float((one - other - images * difference) ** 2 - z * z * variance)

    start = (one - other) / images + 1e-12  # at the estimate itself both terms may be zero
    return 1.0 if start >= 1 else float(brentq(excess, start, 1.0, xtol=1e-12))
