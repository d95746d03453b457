"""Statistical power of the exact McNemar test, and the sample size that reaches a given power."""

import numpy as np

from stages.stats.intervals import CONFIDENCE

SIGNIFICANCE_LEVEL = 1 - CONFIDENCE
TARGET_POWER = 0.8  # the usual aim: a difference of this size is significant four times out of five
_MOST_IMAGES = 10_000_000  # beyond, the answer is that no set of photos will do


def power(images: int, gained: float, lost: float, level: float = SIGNIFICANCE_LEVEL) -> float:
    """Return the power: how often the exact McNemar test is significant at a level, 0 to 1.

    `gained` and `lost` are the shares of images that only the one and only the other has right.
    """
    discordant = gained + lost
    if discordant == 0:
        return 0.0
    # Of scipy.special the incomplete beta function would do, and take five times as long.
    from scipy.stats import binom  # noqa: PLC0415 - 0.4 s, which few comparisons need

    # All numbers of discordant images that matter: outside lies one chance in a thousand million.
    low, high = (int(binom.ppf(tail, images, discordant)) for tail in (5e-10, 1 - 5e-10))
    counts = np.arange(low, high + 1)
    # The most of the rarer kind with which the test is still significant.
    critical = binom.ppf(level / 2, counts, 0.5) - 1
    share = gained / discordant
    lower_tail = binom.cdf(critical, counts, share)
    upper_tail = binom.sf(counts - critical - 1, counts, share)
    significant = lower_tail + upper_tail
    return float(np.sum(binom.pmf(counts, images, discordant) * significant))


def images_to_tell(
    gained: float, lost: float, level: float = SIGNIFICANCE_LEVEL, aim: float = TARGET_POWER
) -> int | None:
    """Return the sample size that tells such a difference with the power aimed at, in two digits.

    The shares are taken as the truth; level: of the test, lower where several are made at once.
    None where the shares are equal, or more than ten million images would be needed.
    """
    if gained == lost:
        return None
    high = 8
    while power(high, gained, lost, level) < aim:
        high *= 2
        if high > _MOST_IMAGES:
            return None
    low = high // 2
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        if power(middle, gained, lost, level) >= aim:
            high = middle
        else:
            low = middle
    return round_up(high)


def round_up(images: float) -> int:
    """Return a number of images rounded up to two digits.

    >>> round_up(1234), round_up(86), round_up(86.2)
    (1300, 86, 87)
    """
    whole = int(-(-images // 1))
    step: int = 10 ** max(len(str(whole)) - 2, 0)
    return -(-whole // step) * step
