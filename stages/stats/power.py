"""How many images it takes to tell two classifiers apart: the power of the exact McNemar test."""

import numpy as np
from scipy.stats import binom

from stages.stats.intervals import CONFIDENCE

LEVEL = 1 - CONFIDENCE
POWER = 0.8  # the usual aim: four times out of five a difference of this size is seen
MOST = 10_000_000  # images; beyond, the answer is that no set of photos will do


def power(images: int, gained: float, lost: float, level: float = LEVEL) -> float:
    """Return how often the exact McNemar test at a level tells two classifiers apart.

    `gained` and `lost` are the shares of images that only the one and only the other has right.
    """
    discordant = gained + lost
    if discordant == 0:
        return 0.0
    # All numbers of discordant images that matter: outside lies one chance in a thousand million.
    low, high = (int(binom.ppf(tail, images, discordant)) for tail in (5e-10, 1 - 5e-10))
    counts = np.arange(low, high + 1)
    # The most of the rarer kind that is still told.
    critical = binom.ppf(level / 2, counts, 0.5) - 1
    share = gained / discordant
    told = binom.cdf(critical, counts, share) + binom.sf(counts - critical - 1, counts, share)
    return float(np.sum(binom.pmf(counts, images, discordant) * told))


def images_to_tell(
    gained: float, lost: float, level: float = LEVEL, aim: float = POWER
) -> int | None:
    """Return how many images tell such a difference with the power aimed at, in two digits.

    The shares are taken as the truth; level: of the test, lower where several are made at once.
    None where the shares are equal, or more than ten million images would be needed.
    """
    if gained == lost:
        return None
    high = 8
    while power(high, gained, lost, level) < aim:
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, gained, lost, level) >= aim else (middle, high)
    step = 10 ** max(len(str(high)) - 2, 0)
    return -(-high // step) * step
