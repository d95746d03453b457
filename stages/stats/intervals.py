"""95 % intervals: Wilson's for proportions, a seeded bootstrap for everything else."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from stages.stats.metrics_record import IntervalRecord

CONFIDENCE = 0.95
# With 1,000 draws an end of the interval moves by about a tenth of its width from seed to seed;
# 2,000 take .2 s for 1,000 images.
DRAWS = 2000


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its 95 % interval; the value is None without any image."""

    value: float | None
    low: float
    high: float

    def as_dict(self) -> IntervalRecord:
        """Return value, low and high, as they stand in the reports."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def complement(self) -> "Interval":
        """Return the interval of one minus the value: accuracy becomes error rate."""
        value = None if self.value is None else 1 - self.value
        return Interval(value, 1 - self.high, 1 - self.low)


def wilson(hits: int, trials: int) -> Interval:
    """Return Wilson's score interval (1927) for a proportion; with no trials it is 0 to 1.

    >>> wilson(9, 10).high < 1
    True
    """
    if trials == 0:
        return Interval(None, 0.0, 1.0)
    return wilson_around(hits / trials, trials)


def wilson_around(share: float, trials: float) -> Interval:
    """Return Wilson's interval about a share; neither hits nor trials need be whole numbers.

    >>> round(wilson_around(0.9, 10).low - wilson(9, 10).low, 9)
    0.0
    """
    z = float(ndtri((1 + CONFIDENCE) / 2))
    shrink = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / shrink
    reach = z * (share * (1 - share) / trials + z**2 / (4 * trials**2)) ** 0.5 / shrink
    # At 0 and 1 an end is the share itself, which rounding may miss.
    low = min(max(centre - reach, 0.0), share)
    return Interval(share, low, max(min(centre + reach, 1.0), share))


def wilson_f1(
    true_positives: int, actual: int, predicted: int, effective: float | None = None
) -> Interval:
    """Return an interval for F1 = 2 TP / (actual + predicted), from three counts of images.

    effective: the effective images of all that are actual or predicted, where groups count.

    F1 rises with F* = TP / (actual + predicted - TP), which is a proportion: Wilson's
    interval for F*, carried over (Lam, Gopal and Qian 2023, arXiv:2309.14621, who find its
    coverage near nominal where the usual ones fail: few images and scores near 1).
    """
    share = wilson(true_positives, actual + predicted - true_positives)
    if effective is not None and share.value is not None:
        share = wilson_around(share.value, effective)
    value = None if share.value is None else _f1(share.value)
    return Interval(value, _f1(share.low), _f1(share.high))


def _f1(share: float) -> float:
    """Return F1 from F*."""
    return 2 * share / (1 + share)


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    images: int,
    generator: np.random.Generator,
    draws: int = DRAWS,
    groups: np.ndarray | None = None,
) -> Interval:
    """Return the percentile interval of a statistic over images drawn with replacement.

    `statistic` takes how often each image was drawn, (D, images) int64, and returns (D,) values;
    its value on the images as they are is the estimate. With groups, (images,) int, whole groups
    are drawn, so that a draw may have more images or fewer; and of one group alone, of which
    nothing can be said, the ends are infinite.
    """
    value = float(statistic(np.ones((1, images), np.int64))[0])
    units, unit_of = np.unique(groups, return_inverse=True) if groups is not None else (None, None)
    drawn = images if units is None else len(units)
    if drawn == 1 and units is not None:
        return Interval(value, -np.inf, np.inf)
    share = np.full(drawn, 1 / drawn)
    # Blocks of about 4 million counts keep memory flat at any number of images.
    block = max(1, min(draws, 2**22 // images))
    values = []
    for start in range(0, draws, block):
        counts = generator.multinomial(drawn, share, size=min(block, draws - start))
        values.append(statistic(counts if unit_of is None else counts[:, unit_of]))
    tail = (1 - CONFIDENCE) / 2 if units is None else expanded_tail(drawn)
    low, high = np.quantile(np.concatenate(values), [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def expanded_tail(groups: int) -> float:
    """Return the share of draws to leave out at either end, so that few groups do not mislead.

    Percentile intervals of few are too narrow as normal ones are without Student's t (Hesterberg
    2015, The American Statistician 69, "expanded percentile").

    >>> round(expanded_tail(8), 4), round(expanded_tail(100_000), 4)
    (0.0057, 0.025)
    """
    quantile = stdtrit(groups - 1, (1 - CONFIDENCE) / 2)
    return float(ndtr(quantile * np.sqrt(groups / (groups - 1))))
