"""McNemar's test: whether one classifier is better than another on the same images.

Where images belong to groups, it is the sign-flip test over groups.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincc

from stages.stats.effective_images import effective_images
from stages.stats.image_groups import count_groups
from stages.stats.intervals import CONFIDENCE, Interval
from stages.stats.metrics_record import PairedRecord, Verdict
from stages.stats.sign_flip import net_differences, sign_flip


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """The first classifier against the second; only images where they differ carry evidence."""

    verdict: Verdict  # the first is better than the second, or worse, or cannot tell
    p: float  # exact McNemar, or the sign-flip test over groups; two-sided
    difference: Interval  # error rate of the first minus that of the second
    only_first_right: int  # images
    only_second_right: int
    images: int
    groups: int | None = None  # that the images belong to; None where they are independent
    design_effect: float = 1.0  # images over the effective ones of the difference

    def as_dict(self) -> PairedRecord:
        """Return the fields as they stand in details.json; the groups where there are any."""
        record: PairedRecord = {
            "verdict": self.verdict,
            "p": self.p,
            "difference": self.difference.as_dict(),
            "only_first_right": self.only_first_right,
            "only_second_right": self.only_second_right,
            "images": self.images,
        }
        return record if self.groups is None else {**record, "groups": self.groups}


def compare_paired(
    first_right: np.ndarray, second_right: np.ndarray, groups: np.ndarray | None = None
) -> PairedComparison:
    """Compare two classifiers by which of the same images, (V,) bool, each has right.

    The verdict is that of the exact McNemar test (McNemar 1947) at the 5 % level. The interval is
    Tango's, which follows the same test without its exactness, so it may just miss zero while the
    verdict is still "cannot tell": the stricter of the two decides. With groups, (V,) int, the test
    is the sign-flip test over them, and the interval is that of the effective images.
    """
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(second_right & ~first_right))
    images = len(first_right)
    p = mcnemar(only_first, only_second)
    design_effect = 1.0
    if groups is not None and images:
        p = sign_flip(net_differences(first_right, second_right, groups))
        gains = first_right.astype(float) - second_right
        design_effect = images / effective_images(gains, groups)
    return PairedComparison(
        verdict=verdict_of(p, only_first > only_second),
        p=p,
        difference=tango_interval(only_second, only_first, images, design_effect),
        only_first_right=only_first,
        only_second_right=only_second,
        images=images,
        groups=count_groups(groups),
        design_effect=design_effect,
    )


def verdict_of(p: float, first_is_ahead: bool) -> Verdict:
    """Return whether the first is better, at the 5 % level.

    >>> verdict_of(0.01, True), verdict_of(0.3, True)
    ('better', 'cannot tell')
    """
    if p >= 1 - CONFIDENCE:
        return "cannot tell"
    return "better" if first_is_ahead else "worse"


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of the exact McNemar test from the two discordant counts."""
    discordant = only_first + only_second
    fewer = min(only_first, only_second)
    # The incomplete beta function is the binomial's lower tail, and the upper one is alike.
    return min(1.0, 2 * float(betaincc(fewer + 1, discordant - fewer, 0.5)))


def tango_interval(
    only_first: int, only_second: int, images: int, design_effect: float = 1.0
) -> Interval:
    """Return the interval for (only_first - only_second) / images, of paired proportions.

    Tango's score interval (Statistics in Medicine 17, 1998), recommended for paired data by
    Fagerland, Lydersen and Laake (BMC Medical Research Methodology 14, 2014). The design effect
    divides all three counts.
    """
    if images == 0:
        return Interval(None, -1.0, 1.0)
    value = (only_first - only_second) / images
    counts = (only_first / design_effect, only_second / design_effect, images / design_effect)
    low = -_upper_end(counts[1], counts[0], counts[2])
    return Interval(value, low, _upper_end(*counts))


def _upper_end(only_first: float, only_second: float, images: float) -> float:
    """Return the largest difference that the score test at the 5 % level does not reject."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

    def excess(difference: float) -> float:
        # The square of Tango's statistic times its variance; q is the maximum-likelihood
        # estimate of P(only the second) when the difference is the given one.
        b = (2 * images - only_first + only_second) * difference - only_first - only_second
        c = -only_second * difference * (1 - difference)
        q = (np.sqrt(max(b * b - 8 * images * c, 0.0)) - b) / (4 * images)
        variance = images * (2 * q + difference * (1 - difference))
        return float((only_first - only_second - images * difference) ** 2 - z * z * variance)

    start = (only_first - only_second) / images + 1e-12  # at the estimate both terms may be zero
    return 1.0 if start >= 1 else float(brentq(excess, start, 1.0, xtol=1e-12))
