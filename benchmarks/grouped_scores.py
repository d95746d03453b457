"""How often rankings, calibration and the outlook are right where images belong to groups.

A group is of one class, and its images share a part of what makes them easy or hard, as large as
the intraclass correlation (0: images are independent; 1: all of a group are alike). The true ROC
area and average precision are those of two normal distributions, the latter at the share of the
class in the draw; the confidences are calibrated, so that each finding against them is in vain; the
true error with twice the photos follows the power law by which it fell before. Groups are 12 or
50, of 5 images each, of 30, or of lognormal sizes. No part trains anything.
Run: python -m benchmarks.grouped_scores [SIZES ...] [--draws N]. Results:
results/grouped_scores.json.
"""

import argparse
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.grouped import SIZES, Tally, both, draw_groups
from benchmarks.measure import machine, record
from stages.base.seed import derive
from stages.stats.calibration import calibration_by_chance, expected_calibration_error
from stages.stats.learning_curve import CURVE_SHARES, learning_curve_table, read_learning_curve
from stages.stats.photo_outlook import expect_errors
from stages.stats.ranking import average_precision, roc_area

GROUPS = (12, 50)
CORRELATIONS = (0.0, 0.5, 1.0)
_AHEAD = 1.5  # by so many standard deviations the scores of the class are above the others'
_OF_CLASS = 0.3  # share of the groups
_ERROR = 0.15  # of the last probe
_FALL = 0.4  # halves of the error for each doubling


def shared_noise(correlation: float, groups: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return standard normal noise, (N,), with this correlation within groups."""
    common = draw.standard_normal(int(groups.max()) + 1)[groups]
    own = draw.standard_normal(len(groups))
    noise: np.ndarray = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return noise


def true_precision(share: float) -> float:
    """Return the average precision of the distributions where so large a share is of the class."""
    limits = np.linspace(-8, 8 + _AHEAD, 4001)
    recall = norm.sf(limits - _AHEAD)
    precision = share * recall / (share * recall + (1 - share) * norm.sf(limits))
    return float(-np.trapezoid(precision, recall))


def ranking_coverage(sizes: str, correlation: float, draws: int) -> dict[str, dict[str, Any]]:
    """Return how often the intervals of ROC area and average precision hold the truth."""
    tallies: dict[tuple[str, bool], list[Tally]] = {}
    area = float(norm.cdf(_AHEAD / np.sqrt(2)))
    for count in GROUPS:
        draw = derive(42, "ranking", sizes, str(correlation), count)
        for key in product(("ROC area", "average precision"), (False, True)):
            tallies.setdefault(key, []).append(Tally())
        for _ in range(draws):
            groups = draw_groups(sizes, count, draw)
            chosen = draw.permutation(count) < round(_OF_CLASS * count)
            of_class = chosen[groups]
            scores = _AHEAD * of_class + shared_noise(correlation, groups, draw)
            precision = true_precision(float(of_class.mean()))
            for by_group in (False, True):
                given = groups if by_group else None
                found = roc_area(of_class, scores, given)
                tallies["ROC area", by_group][-1].add(found, area)
                found = average_precision(of_class, scores, given)
                tallies["average precision", by_group][-1].add(found, precision)
    return {
        name: both(tallies[name, False], tallies[name, True], draws)
        for name in ("ROC area", "average precision")
    }


def calibration_alarms(sizes: str, correlation: float, draws: int) -> dict[str, Any]:
    """Return how often calibrated confidences are called off, or too sure or too unsure."""
    beyond: dict[bool, list[bool]] = {False: [], True: []}
    tends: dict[bool, list[bool]] = {False: [], True: []}
    for count in GROUPS:
        draw = derive(42, "calibration", sizes, str(correlation), count)
        for _ in range(draws):
            groups = draw_groups(sizes, count, draw)
            confidence = draw.uniform(0.5, 1.0, len(groups))
            right = norm.cdf(shared_noise(correlation, groups, draw)) < confidence
            error = expected_calibration_error(confidence, right)
            for by_group in (False, True):
                given = groups if by_group else None
                by_chance, tendency = calibration_by_chance(confidence, right, draw, given)
                beyond[by_group].append(error > by_chance)
                tends[by_group].append(tendency != "cannot tell")
    figures: dict[str, Any] = {"n": draws * len(GROUPS)}
    for by_group, name in ((False, "naive"), (True, "grouped")):
        figures[f"{name}, called off, %"] = _percent(beyond[by_group])
        figures[f"{name}, called too sure or unsure, %"] = _percent(tends[by_group])
    return figures


def _percent(hits: list[bool]) -> float:
    return round(100 * float(np.mean(hits)), 1)


def outlook_coverage(sizes: str, correlation: float, draws: int) -> dict[str, Any]:
    """Return how often the error expected of twice the photos holds the true one."""
    naive: list[Tally] = []
    grouped: list[Tally] = []
    errors = _ERROR * np.array(CURVE_SHARES) ** -_FALL
    for count in GROUPS:
        draw = derive(42, "outlook", sizes, str(correlation), count)
        naive.append(Tally())
        grouped.append(Tally())
        for _ in range(draws):
            groups = draw_groups(sizes, count, draw)
            hardness = norm.cdf(shared_noise(correlation, groups, draw))
            wrong = hardness < errors[:, None]
            for tally, given in ((naive[-1], None), (grouped[-1], groups)):
                table = learning_curve_table(
                    np.array(["a"]), np.zeros(len(groups), int), wrong, given
                )
                outlook = expect_errors(read_learning_curve(table.astype(str)), draw)
                tally.add(outlook.expected[0].error, _ERROR * 2**-_FALL)
    return both(naive, grouped, draws)


def main() -> None:
    """Simulate every kind of groups and correlation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    for sizes in options.sizes:
        figures: dict[str, Any] = {}
        for correlation in CORRELATIONS:
            drawn = (sizes, correlation, options.draws)
            parts = ranking_coverage(*drawn) | {
                "calibrated confidences": calibration_alarms(*drawn),
                "outlook on twice the photos": outlook_coverage(*drawn),
            }
            figures |= {
                f"{name}, intraclass correlation {correlation}": part
                for name, part in parts.items()
            }
        record("grouped_scores", f"groups of {sizes}", machine(["numpy", "scipy"]), figures)


if __name__ == "__main__":
    main()
