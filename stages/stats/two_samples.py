"""Two samples: whether new images differ from validation images, each property with its test.

The images are others, so nothing is paired: the error rates are compared by Fisher's exact test and
Newcombe's interval, distributions by Kolmogorov and Smirnov's test.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import fisher_exact, ks_2samp, mannwhitneyu

from stages.stats.intervals import CONFIDENCE, Interval, wilson

Shift = Literal["higher", "lower", "spread otherwise", "cannot tell"]
EffectSize = Literal["negligible", "small", "medium", "large"]
# Of Cliff's delta, after Romano et al. 2006.
_EFFECT_SIZES: tuple[tuple[float, EffectSize], ...] = (
    (0.147, "negligible"),
    (0.33, "small"),
    (0.474, "medium"),
)


@dataclass(frozen=True, kw_only=True)
class ShiftTest:
    """Whether new values are distributed as the old ones, and how far they are from them."""

    p: float  # Kolmogorov and Smirnov's test, two-sided
    new_median: float
    old_median: float
    higher: float  # probability that a new value is the higher of a pair, ties half

    @property
    def effect(self) -> EffectSize:
        """How far new values lie above or below the old ones."""
        delta = abs(2 * self.higher - 1)
        return next((name for limit, name in _EFFECT_SIZES if delta < limit), "large")

    def verdict(self, p: float) -> Shift:
        """Return what differs; p: of this test, adjusted where there are several."""
        if p >= 1 - CONFIDENCE:
            return "cannot tell"
        if self.effect == "negligible":
            return "spread otherwise"
        return "higher" if self.higher > 0.5 else "lower"


def error_difference(new_wrong: np.ndarray, old_wrong: np.ndarray) -> tuple[Interval, float]:
    """Return the error rate of new images, (N,) bool, minus that of old ones, and Fisher's p.

    The interval is Newcombe's hybrid score (1998, method 10). Without an image on a side the value
    is None, and p is 1.
    """
    if not len(new_wrong) or not len(old_wrong):
        return Interval(None, -1.0, 1.0), 1.0
    new = wilson(int(new_wrong.sum()), len(new_wrong))
    old = wilson(int(old_wrong.sum()), len(old_wrong))
    new_rate = float(new_wrong.mean())
    old_rate = float(old_wrong.mean())
    difference = new_rate - old_rate
    below = np.hypot(new_rate - new.low, old.high - old_rate)
    above = np.hypot(new.high - new_rate, old_rate - old.low)
    table = [[int(wrong.sum()), int((~wrong).sum())] for wrong in (new_wrong, old_wrong)]
    p = float(fisher_exact(table).pvalue)
    return Interval(difference, float(difference - below), float(difference + above)), p


def shift_test(new: np.ndarray, old: np.ndarray) -> ShiftTest | None:
    """Test whether two samples of numbers, (N,) and (M,), have one distribution; None of none."""
    if not len(new) or not len(old):
        return None
    # The exact p of Kolmogorov and Smirnov needs values without ties; with them it is too large,
    # so that the test stays on the safe side.
    test = ks_2samp(new, old)
    higher = mannwhitneyu(new, old, method="asymptotic").statistic / (len(new) * len(old))
    return ShiftTest(
        p=float(test.pvalue),
        new_median=float(np.median(new)),
        old_median=float(np.median(old)),
        higher=float(higher),
    )
