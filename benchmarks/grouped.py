"""How often intervals and paired tests are right where images belong to groups, counted or not.

A group's images are right or wrong together: its own error rate is drawn from a beta distribution
whose intraclass correlation is 0 (images are independent) to 1 (a group is right or wrong as a
whole). Two classifiers that are equally good differ on a fifth of the images, and in each group
more or less often in favour of the one. Groups are 8 to 200, of 5 images each, of 30, or of
lognormal sizes. Naive: Wilson's and Tango's interval and McNemar's test over images. No part trains
anything.
Run: python -m benchmarks.grouped [SIZES ...] [--draws N]. Results: results/grouped.json.
"""

import argparse
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from benchmarks.measure import machine, record
from stages.base.seed import derive
from stages.stats.effective_images import share_interval
from stages.stats.intervals import Interval
from stages.stats.mcnemar import PairedComparison, compare_paired

SIZES = ("5 images", "30 images", "unequal sizes")
GROUPS = (8, 12, 20, 50, 200)
ERRORS = (0.01, 0.03, 0.1, 0.3)
CORRELATIONS = (0.0, 0.1, 0.5, 1.0)
_DIFFER = 0.2  # share of the images on which two classifiers differ


def draw_groups(sizes: str, groups: int, draw: np.random.Generator) -> np.ndarray:
    """Return the group of each image, (V,) int."""
    if sizes == "unequal sizes":
        counts = np.maximum(1, draw.lognormal(1.2, 1.0, groups).round().astype(int))
    else:
        counts = np.full(groups, int(sizes.partition(" ")[0]))
    return np.repeat(np.arange(groups), counts)


def draw_shares(
    mean: float, correlation: float, groups: int, draw: np.random.Generator
) -> np.ndarray:
    """Return a share for each group, (G,), whose images have this intraclass correlation."""
    if correlation == 0:
        return np.full(groups, mean)
    if correlation == 1:
        return (draw.random(groups) < mean).astype(float)
    spread = (1 - correlation) / correlation
    return draw.beta(mean * spread, (1 - mean) * spread, groups)


def draw_wrong(
    mean: float, correlation: float, groups: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Return which images are wrong, (V,) bool."""
    shares = draw_shares(mean, correlation, int(groups.max()) + 1, draw)
    wrong: np.ndarray = draw.random(len(groups)) < shares[groups]
    return wrong


def draw_pair(
    correlation: float, groups: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return what two equally good classifiers have right, (V,) bool each."""
    differ = draw.random(len(groups)) < _DIFFER
    first_wins = draw_wrong(0.5, correlation, groups, draw)
    return ~differ | first_wins, ~differ | ~first_wins


class Tally:
    """What became of intervals and verdicts."""

    def __init__(self) -> None:
        """Begin without an interval."""
        self.held: list[bool] = []
        self.widths: list[float] = []

    def add(self, interval: Interval, truth: float) -> None:
        """Note an interval and the truth that it should hold."""
        self.held.append(interval.low <= truth <= interval.high)
        self.widths.append(interval.high - interval.low)

    def share(self) -> float:
        """Return the share that held, in percent."""
        return round(100 * float(np.mean(self.held)), 1)

    def width(self) -> float:
        """Return the mean width in points."""
        return round(100 * float(np.mean(self.widths)), 2)


def error_coverage(sizes: str, correlation: float, draws: int) -> dict[str, Any]:
    """Return how often the intervals of the error rate hold the truth, and their widths.

    The least is of the worst number of groups and error; the others are means over all.
    """
    naive: list[Tally] = []
    grouped: list[Tally] = []
    for groups, error in product(GROUPS, ERRORS):
        draw = derive(42, "grouped", sizes, str(correlation), groups, str(error))
        naive.append(Tally())
        grouped.append(Tally())
        for _ in range(draws):
            group = draw_groups(sizes, groups, draw)
            wrong = draw_wrong(error, correlation, group, draw)
            naive[-1].add(share_interval(wrong, None), error)
            grouped[-1].add(share_interval(wrong, group), error)
    return both(naive, grouped, draws)


def paired_coverage(sizes: str, correlation: float, draws: int) -> dict[str, Any]:
    """Return how often the difference holds 0, and how often one is called better in vain."""
    naive: list[Tally] = []
    grouped: list[Tally] = []
    false: dict[str, list[float]] = {"naive": [], "grouped": []}
    for groups in GROUPS:
        draw = derive(42, "grouped pairs", sizes, str(correlation), groups)
        naive.append(Tally())
        grouped.append(Tally())
        tests: dict[str, list[PairedComparison]] = {"naive": [], "grouped": []}
        for _ in range(draws):
            group = draw_groups(sizes, groups, draw)
            pair = draw_pair(correlation, group, draw)
            tests["naive"].append(compare_paired(*pair))
            tests["grouped"].append(compare_paired(*pair, group))
        for tally, name in ((naive[-1], "naive"), (grouped[-1], "grouped")):
            for test in tests[name]:
                tally.add(test.difference, 0.0)
            false[name].append(_told(tests[name]))
    return both(naive, grouped, draws) | {
        f"{name}, false verdicts, %": round(float(np.mean(shares)), 1)
        for name, shares in false.items()
    }


def _told(tests: Iterable[PairedComparison]) -> float:
    """Return the share of verdicts that are not "cannot tell", in percent."""
    return 100 * float(np.mean([test.verdict != "cannot tell" for test in tests]))


def both(naive: list[Tally], grouped: list[Tally], draws: int) -> dict[str, Any]:
    """Return the figures of naive and grouped intervals."""
    figures: dict[str, Any] = {"n": draws * len(naive)}
    for name, tallies in (("naive", naive), ("grouped", grouped)):
        shares = [tally.share() for tally in tallies]
        figures[f"{name}, holds the truth, %"] = round(float(np.mean(shares)), 1)
        figures[f"{name}, holds the truth at least, %"] = min(shares)
        figures[f"{name}, width"] = round(float(np.mean([t.width() for t in tallies])), 2)
    return figures


def main() -> None:
    """Simulate every kind of groups and correlation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES)
    parser.add_argument("--draws", type=int, default=400)
    options = parser.parse_args()
    for sizes in options.sizes:
        figures = {
            f"{kind}, intraclass correlation {correlation}": coverage(
                sizes, correlation, options.draws
            )
            for kind, coverage in (
                ("error rate", error_coverage),
                ("two equal classifiers", paired_coverage),
            )
            for correlation in CORRELATIONS
        }
        record("grouped", f"groups of {sizes}", machine(["numpy", "scipy"]), figures)


if __name__ == "__main__":
    main()
