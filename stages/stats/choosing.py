"""The price of choosing: what the best of several runs errs on, once it was chosen for that."""

from dataclasses import dataclass

import numpy as np

from stages.stats.effective_images import effective_images, share_interval
from stages.stats.intervals import Interval, wilson_around

# With 500 resamples the corrected error moves by about a fiftieth of its interval from seed to
# seed; 2,000 would take 4 s for 100 runs on 10,000 images.
_RESAMPLES = 500


@dataclass(frozen=True, kw_only=True)
class BestRun:
    """The run with the fewest errors, and its error rate before and after the correction."""

    row: int  # of the runs; of equally good ones the first
    raw: Interval  # as if it had been the only run
    corrected: Interval  # no value with fewer than two images, or groups


def correct_for_choosing(
    wrong: np.ndarray, generator: np.random.Generator, groups: np.ndarray | None = None
) -> BestRun:
    """Return the best of K runs, corrected for having been chosen; wrong: (K, V) bool.

    Images are drawn with replacement, for all runs the same. The winner of a resample is measured
    on the images outside it, and the mean is the corrected error (Tsamardinos, Greasidou and
    Borboudakis 2018, who correct cross-validation so): without a bias where all runs are equally
    good, a little too high where they are not. There the bootstrap's own estimate of the optimism
    (Efron 1983), the winner on all images against the resample, is the better one, and where they
    are equal it is too small. So the interval begins with Wilson's about the one and ends with
    Wilson's about the other. benchmarks/choosing.py has the coverage.
    With groups, (V,) int, whole groups are drawn, and the images are the effective ones.
    """
    errors = wrong.sum(axis=1)
    row = int(errors.argmin())
    images = wrong.shape[1]
    raw = share_interval(wrong[row], groups)
    if raw.value is None or len(wrong) == 1:
        return BestRun(row=row, raw=raw, corrected=raw)
    units = np.arange(images) if groups is None else np.unique(groups, return_inverse=True)[1]
    if units.max() < 1:
        return BestRun(row=row, raw=raw, corrected=Interval(None, 0.0, 1.0))
    outside, optimism = _resampled(wrong, units, generator)
    trials = images if groups is None else effective_images(wrong[row], groups)
    corrected = max(outside, raw.value)
    low = wilson_around(min(raw.value + max(optimism, 0.0), corrected), trials).low
    high = wilson_around(corrected, trials).high
    return BestRun(row=row, raw=raw, corrected=Interval(corrected, low, high))


def _resampled(
    wrong: np.ndarray, units: np.ndarray, generator: np.random.Generator
) -> tuple[float, float]:
    """Return the winners' mean error outside their resamples, and their mean optimism inside.

    Winners that are equally good in a resample count as one, with their mean. Optimism is the error
    on all images minus that in the resample. units: (V,) int from 0, drawn as a whole each.
    """
    images = wrong.shape[1]
    is_wrong = wrong.T.astype(np.float32)  # whole numbers below 2**24 are exact
    on_all = wrong.mean(axis=1)
    drawn = int(units.max()) + 1
    share = np.full(drawn, 1 / drawn)
    block = max(1, min(_RESAMPLES, 2**22 // images))
    outside = []
    optimism = []
    for start in range(0, _RESAMPLES, block):
        counts = generator.multinomial(drawn, share, size=min(block, _RESAMPLES - start))[:, units]
        inside = (counts.astype(np.float32) @ is_wrong).astype(float)  # (B, K) errors
        left_out = (counts == 0).astype(np.float32)
        left = left_out.sum(axis=1, dtype=float)
        is_winner = inside == inside.min(axis=1, keepdims=True)
        weights = is_winner / is_winner.sum(axis=1, keepdims=True)
        errors = ((left_out @ is_wrong) * weights).sum(axis=1)
        outside.append(errors[left > 0] / left[left > 0])
        optimism.append((on_all * weights).sum(axis=1) - inside.min(axis=1) / counts.sum(axis=1))
    return float(np.concatenate(outside).mean()), float(np.concatenate(optimism).mean())
