"""How often the interval of the best of k runs holds its true error, corrected and not.

Images differ in how hard they are, the same for all runs, by a spread in logits: none makes runs
independent, much makes them share most mistakes. Runs are equally good, or their true errors
scatter. The best is taken by its errors on the images, and its true error is that over all images
that there could be. No part trains anything.
Run: python -m benchmarks.choosing [IMAGES ...] [--draws N]. Results: results/choosing.json.
"""

import argparse
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from benchmarks.measure import machine, record
from stages.base.seed import derive
from stages.stats.choosing import correct_for_choosing

RUNS = (1, 5, 20, 100)
IMAGES = (212, 1000)
ERRORS = (0.03, 0.08, 0.2)  # mean true error of the runs
SPREADS = {"independent": 0.0, "correlated": 6.0}
SCATTERS = {"equal runs": 0.0, "unequal runs": 0.2}  # sd of the runs' true errors, in logits
_DIFFICULTIES = norm.ppf((np.arange(2000) + 0.5) / 2000)  # of all images that there could be


@dataclass(frozen=True, kw_only=True)
class DrawnRuns:
    """Simulated runs: what they have wrong on some images, and their true errors."""

    wrong: np.ndarray  # (K, V) bool
    truth: np.ndarray  # (K,)


def draw_runs(
    runs: int, images: int, spread: float, scatter: float, draw: np.random.Generator
) -> DrawnRuns:
    """Return so many runs on the same images."""
    centre = _logit_of_error(float(draw.choice(ERRORS)), spread)
    # What scatters errors alike at any spread: the logistic curve is flatter over a wide one.
    levels = centre + scatter * max(1.0, spread / 1.7) * draw.standard_normal(runs)
    hard = spread * draw.standard_normal(images)
    return DrawnRuns(
        wrong=draw.random((runs, images)) < expit(levels[:, None] + hard),
        truth=expit(levels[:, None] + spread * _DIFFICULTIES).mean(axis=1),
    )


@cache
def _logit_of_error(error: float, spread: float) -> float:
    """Return the level in logits at which the mean error is this."""
    return float(
        brentq(lambda level: expit(level + spread * _DIFFICULTIES).mean() - error, -40, 40)
    )


def coverage(runs: int, images: int, kind: str, quality: str, draws: int) -> dict[str, Any]:
    """Return how often both intervals hold the truth, how wide they are, and their mean bias."""
    draw = derive(42, "choosing", runs, images, kind, quality)
    naive, corrected = _Tally(), _Tally()
    for _ in range(draws):
        drawn = draw_runs(runs, images, SPREADS[kind], SCATTERS[quality], draw)
        best = correct_for_choosing(drawn.wrong, draw)
        truth = float(drawn.truth[best.row])
        naive.add(best.raw, truth)
        corrected.add(best.corrected, truth)
    return {
        "corrected, holds the truth, %": corrected.held(),
        "naive, holds the truth, %": naive.held(),
        "corrected, width": corrected.width(),
        "naive, width": naive.width(),
        "corrected, points too low": corrected.too_low(),
        "naive, points too low": naive.too_low(),
        "n": draws,
    }


class _Tally:
    """What became of one kind of interval over all draws."""

    def __init__(self) -> None:
        self.rows: list[tuple[bool, float, float]] = []

    def add(self, interval: Any, truth: float) -> None:
        """Note an interval and the truth that it should hold."""
        holds = interval.low <= truth <= interval.high
        self.rows.append((holds, interval.high - interval.low, truth - interval.value))

    def held(self) -> float:
        """Return the share that held, in percent."""
        return round(100 * float(np.mean([row[0] for row in self.rows])), 1)

    def width(self) -> float:
        """Return the mean width in points."""
        return round(100 * float(np.mean([row[1] for row in self.rows])), 2)

    def too_low(self) -> float:
        """Return by how many points the value is too low in the mean."""
        return round(100 * float(np.mean([row[2] for row in self.rows])), 2)


def main() -> None:
    """Simulate every number of runs, images, kind and quality."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", nargs="*", type=int, default=IMAGES)
    parser.add_argument("--draws", type=int, default=2000)
    options = parser.parse_args()
    draws = options.draws
    for images in options.images:
        figures = {
            f"best of {runs}, {kind}, {quality}": coverage(runs, images, kind, quality, draws)
            for kind in SPREADS
            for quality in SCATTERS
            for runs in RUNS
        }
        record("choosing", f"{images} images", machine(["numpy", "scipy"]), figures)


if __name__ == "__main__":
    main()
