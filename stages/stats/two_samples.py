"""Two samples: whether new images differ from validation images, each property with its test.

The images are others, so nothing is paired: the error rates are compared by Fisher's exact test and
Newcombe's interval, distributions by Kolmogorov and Smirnov's test, their shift by Mann and
Whitney's.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import fisher_exact, hypergeom, ks_2samp, mannwhitneyu

from stages.stats.effective_images import share_interval
from stages.stats.intervals import CONFIDENCE, Interval, wilson

# What differs is another distribution, of which nobody can tell that it lies higher or lower.
Shift = Literal["higher", "lower", "differs", "cannot tell"]
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
    p_shift: float  # Mann and Whitney's test, two-sided
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
        if self.effect == "negligible" and self.p_shift >= 1 - CONFIDENCE:
            return "differs"
        return "higher" if self.higher > 0.5 else "lower"


def error_difference(
    new_wrong: np.ndarray, old_wrong: np.ndarray, old_groups: np.ndarray | None = None
) -> tuple[Interval, float]:
    """Return the error rate of new images, (N,) bool, minus that of old ones, and Fisher's p.

    The interval is Newcombe's hybrid score (1998, method 10). Without an image on a side the value
    is None, and p is 1. With groups of the old images, (M,) int, the interval counts these; p
    counts images.
    """
    if not len(new_wrong) or not len(old_wrong):
        return Interval(None, -1.0, 1.0), 1.0
    new = wilson(int(new_wrong.sum()), len(new_wrong))
    old = share_interval(old_wrong, old_groups)
    new_rate = float(new_wrong.mean())
    old_rate = float(old_wrong.mean())
    difference = new_rate - old_rate
    below = np.hypot(new_rate - new.low, old.high - old_rate)
    above = np.hypot(new.high - new_rate, old_rate - old.low)
    table = [[int(wrong.sum()), int((~wrong).sum())] for wrong in (new_wrong, old_wrong)]
    p = float(fisher_exact(table).pvalue)
    return Interval(difference, float(difference - below), float(difference + above)), p


def error_test_within(
    new_wrong: np.ndarray, old_wrong: np.ndarray, new_class: np.ndarray, old_class: np.ndarray
) -> tuple[float, float]:
    """Return errors beyond what is expected, and p, of new images against old of their class.

    Arrays (N,) and (M,). With all classes alike in error rate, another mix of them is no
    difference. The test is exact: as Fisher's in every class, two-sided by the probability of the
    sum over classes, which with one class is Fisher's own. Images of classes that only one side
    has say nothing.
    """
    distribution = np.ones(1)  # of the errors among new images, from the least that there may be
    least = 0
    errors = 0
    for number in np.intersect1d(new_class, old_class):
        new = new_wrong[new_class == number]
        old = old_wrong[old_class == number]
        total = len(new) + len(old)
        wrong = int(new.sum() + old.sum())
        possible = np.arange(max(0, wrong - len(old)), min(wrong, len(new)) + 1)
        distribution = np.convolve(distribution, hypergeom.pmf(possible, total, wrong, len(new)))
        least += int(possible[0])
        errors += int(new.sum())
    expected = least + float(distribution @ np.arange(len(distribution)))
    # As scipy's Fisher: what is as probable but for rounding counts too.
    as_rare = distribution <= distribution[errors - least] * (1 + 1e-7)
    return errors - expected, float(min(1.0, distribution[as_rare].sum()))


def error_in_mix(
    old_wrong: np.ndarray, old_class: np.ndarray, new_class: np.ndarray
) -> float | None:
    """Return the error rate of old images if their classes were mixed as those of new ones.

    None where a class of the new ones has no old image.
    """
    classes, counts = np.unique(new_class, return_counts=True)
    if not len(classes) or not np.isin(classes, old_class).all():
        return None
    rates = [old_wrong[old_class == number].mean() for number in classes]
    return float(np.average(rates, weights=counts))


def shift_test(new: np.ndarray, old: np.ndarray, tolerance: float = 0.0) -> ShiftTest | None:
    """Test whether two samples of numbers, (N,) and (M,), have one distribution; None of none.

    tolerance: by how much a new value may be off, up or down. Each side of a test is then asked of
    the values that speak most against it, and the lower p of both is doubled.
    """
    if not len(new) or not len(old):
        return None
    above = mannwhitneyu(new - tolerance, old, alternative="greater", method="asymptotic")
    below = mannwhitneyu(new + tolerance, old, alternative="less", method="asymptotic")
    higher = (above.statistic + below.statistic) / 2 / (len(new) * len(old))
    return ShiftTest(
        p=_distribution_p(new, old, tolerance),
        p_shift=float(min(1.0, 2 * min(above.pvalue, below.pvalue))),
        new_median=float(np.median(new)),
        old_median=float(np.median(old)),
        higher=float(higher),
    )


def _distribution_p(new: np.ndarray, old: np.ndarray, tolerance: float) -> float:
    # The exact p of Kolmogorov and Smirnov needs values without ties; with them it is too large,
    # so that the test stays on the safe side.
    if not tolerance:
        return float(ks_2samp(new, old).pvalue)
    lower = ks_2samp(new + tolerance, old, alternative="greater")  # of the distribution function
    higher = ks_2samp(new - tolerance, old, alternative="less")
    return float(min(1.0, 2 * min(lower.pvalue, higher.pvalue)))
