"""Several seeds of one recipe: whether one recipe is better than another, over its runs."""

import numpy as np
from scipy.special import stdtr, stdtrit

from stages.stats.effective_images import effective_images, grouped_error
from stages.stats.image_groups import count_groups
from stages.stats.intervals import CONFIDENCE, Interval
from stages.stats.mcnemar import (
    PairedComparison,
    compare_paired,
    mcnemar,
    tango_interval,
    verdict_of,
)

_ROUNDING = 1e-9  # images; a mean over runs is a sum of fractions


def compare_seeds(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None
) -> PairedComparison:
    """Compare two recipes by which of the same images each run has right, (K, V) and (L, V) bool.

    With one run each this is `compare_paired`, and says which of two models is better. With several
    it says which recipe is, and the stricter of two tests decides: one of the mean difference,
    whose variance is that between images plus that between seeds; and the sign test of the images
    that gained against those that lost, which is exact where few differ. The noise of seeds counts
    a little in both parts of the variance, so the test errs towards "cannot tell".
    With groups, (V,) int, both tests are over these.
    """
    if len(first) == len(second) == 1:
        return compare_paired(first[0], second[0], groups)
    # Share of runs that are right, the first minus the second recipe, image by image.
    advantage = first.mean(axis=0) - second.mean(axis=0)
    gained = int(np.sum(advantage > 0))
    lost = int(np.sum(advantage < 0))
    images = len(advantage)
    p = 1.0
    design_effect = 1.0
    if groups is not None and images:
        design_effect = images / effective_images(advantage, groups)
    difference = tango_interval(lost, gained, images, design_effect)
    count = count_groups(groups)
    if count == 1:  # of which nothing can be said
        difference = Interval(0.0 - float(advantage.mean()), -1.0, 1.0)
    if (gained or lost) and min(images, images if count is None else count) >= 2:
        value = -float(advantage.mean())
        error, freedom = _standard_error(advantage, first, second, groups)
        reach = error * float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
        difference = Interval(value, max(value - reach, -1.0), min(value + reach, 1.0))
        p = mcnemar(*_count_signs(advantage, groups))
        if error > 0:
            p = max(p, float(2 * stdtr(freedom, -abs(value) / error)))
    return PairedComparison(
        verdict=verdict_of(p, difference.value is not None and difference.value < 0),
        p=p,
        difference=difference,
        only_first_right=gained,
        only_second_right=lost,
        images=images,
        groups=count,
        design_effect=design_effect,
    )


def _count_signs(advantage: np.ndarray, groups: np.ndarray | None) -> tuple[int, int]:
    """Return how many images gained and how many lost; with groups, how many of these."""
    if groups is not None:
        numbers = np.unique(groups, return_inverse=True)[1]
        sums = np.bincount(numbers, weights=advantage)
        advantage = np.where(np.abs(sums) > _ROUNDING, sums, 0.0)
    return int(np.sum(advantage > 0)), int(np.sum(advantage < 0))


def seed_spread(right: np.ndarray) -> float | None:
    """Return the standard deviation of the error rate over runs, (K, V) bool; of one run, None."""
    return float(right.mean(axis=1).std(ddof=1)) if len(right) > 1 else None


def _standard_error(
    advantage: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray | None
) -> tuple[float, float]:
    """Return the standard error of the mean advantage, and its degrees of freedom.

    A single run is taken to spread as the other recipe's runs do. The degrees of freedom are
    Satterthwaite's (1946).
    """
    repeated = [runs for runs in (first, second) if len(runs) > 1]
    parts: list[tuple[float, float]] = [
        (float(advantage.var(ddof=1)) / len(advantage), len(advantage) - 1)
    ]
    if groups is not None:
        error, freedom = grouped_error((advantage - advantage.mean()) / len(advantage), groups)
        parts = [max(parts[0], (error**2, freedom))]
    for runs in (first, second):
        spread_of = runs if len(runs) > 1 else repeated[0]
        variance = float(spread_of.mean(axis=1).var(ddof=1))
        parts.append((variance / len(runs), len(spread_of) - 1))
    total = sum(part for part, _ in parts)
    if total == 0:
        return 0.0, 1.0
    return total**0.5, total**2 / sum(part**2 / freedom for part, freedom in parts)
