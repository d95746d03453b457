"""Whether a verdict can be trusted: models that are equally good, and models that are not.

Two models see the same images, of which some are hard for both: each has its own chance of being
right, the same for both where they are equally good. Parts: null (2,000 pairs: how often the
verdict is "better" or "worse", and how often an interval misses no difference), several (five
equal models against one base, by Holm), seeds (two groups of five equal seeds that scatter),
power (how often true differences of 1, 2 and 3 points are told). No part trains anything.
Run: python -m benchmarks.null [part ...]. Results: results/null.json.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.measure import machine, record
from stages.base.seed import derive
from stages.compare.score_changes import SideOutcomes, compare_scores
from stages.stats.holm import holm
from stages.stats.intervals import Interval, wilson
from stages.stats.power import images_to_tell, power
from stages.stats.seeds import compare_seeds

IMAGES, PAIRS, CLASSES = 1478, 2000, 37
ERRORS = (0.02, 0.055, 0.15)  # true error rates; .055 is what resnet50 has on pets
SPREADS = (0.0, 1.5, 4.0)  # of difficulty, in logits: none, then more and more shared mistakes
SCORED = 600  # pairs whose macro F1 and log loss are looked at too, .3 s each


def chances(error: float, spread: float, draw: np.random.Generator) -> np.ndarray:
    """Return the chance that a model is wrong, image by image, with this mean."""
    hard = spread * draw.standard_normal(IMAGES)
    low, high = -30.0, 30.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if _sigmoid(hard + middle).mean() > error else (middle, high)
    return _sigmoid(hard + low)


def right(wrong: np.ndarray, runs: int, scatter: float, draw: np.random.Generator) -> np.ndarray:
    """Return which images each run of a recipe has right, (K, V); seeds scatter in logits."""
    logits = np.log(wrong / (1 - wrong)) + scatter * draw.standard_normal((runs, 1))
    return draw.random((runs, len(wrong))) >= _sigmoid(logits)


def null(draw: np.random.Generator) -> dict[str, Any]:
    """Pairs of equally good models, for each true error and spread of difficulty."""
    found = {}
    for error in ERRORS:
        for spread in SPREADS:
            wrong = chances(error, spread, draw)
            told = [
                verdict(right(wrong, 1, 0, draw), right(wrong, 1, 0, draw)) for _ in range(PAIRS)
            ]
            found[f"error {100 * error:g} %, difficulty {spread:g}"] = rate(told, "at most 5 %")
    return found | scores(draw)


def scores(draw: np.random.Generator) -> dict[str, Any]:
    """How often the interval of each score's difference misses zero, under the null."""
    wrong, missed = chances(0.055, 1.5, draw), {"macro F1": [], "log loss": []}
    targets = draw.integers(0, CLASSES, IMAGES)
    for _ in range(SCORED):
        sides = [side(targets, wrong, draw) for _ in range(2)]
        result = compare_scores(targets, [str(n) for n in range(CLASSES)], *sides, draw)
        for name, change in zip(missed, (result.macro_f1, result.log_loss), strict=True):
            assert change is not None
            missed[name].append(outside(change.difference))
    return {
        f"interval of {name} without zero": rate(told, "about 5 %") for name, told in missed.items()
    }


def side(targets: np.ndarray, wrong: np.ndarray, draw: np.random.Generator) -> SideOutcomes:
    """Return what a model says: where it is wrong, any other class, and at a higher loss."""
    good = right(wrong, 1, 0, draw)
    others = (targets + draw.integers(1, CLASSES, IMAGES)) % CLASSES
    loss = np.where(good, draw.exponential(0.1, (1, IMAGES)), draw.exponential(2.5, (1, IMAGES)))
    return SideOutcomes(np.where(good, targets, others), loss, np.full((1, IMAGES), 0.9))


def several(draw: np.random.Generator) -> dict[str, Any]:
    """Five models, none better than the base: how often one of them is called so."""
    told = []
    wrong = chances(0.055, 1.5, draw)
    for _ in range(PAIRS):
        base = right(wrong, 1, 0, draw)
        values = [compare_seeds(right(wrong, 1, 0, draw), base).p for _ in range(5)]
        told.append(min(holm(values)) < 0.05)
    return {"one of five, by Holm": rate(told, "at most 5 %")}


def seeds(draw: np.random.Generator) -> dict[str, Any]:
    """Groups of seeds of equally good recipes, whose runs scatter as trainings do, or not."""
    found, wrong = {}, chances(0.055, 1.5, draw)
    for runs in ((5, 5), (1, 5), (3, 3)):
        for scatter in (0.0, 0.15):  # .15 in logits is a standard deviation of .7 points of error
            told = [verdict(*(right(wrong, k, scatter, draw) for k in runs)) for _ in range(PAIRS)]
            name = f"{runs[0]} against {runs[1]} runs, scatter {scatter:g}"
            found[name] = rate(told, "at most 5 %")
    return found


def strengths(draw: np.random.Generator) -> dict[str, Any]:
    """How often a true difference is told on so many images, simulated and by the formula."""
    found = {}
    for points in (1, 2, 3):
        base, better = chances(0.055, 1.5, draw), chances(0.055 - points / 100, 1.5, draw)
        told = [verdict(right(better, 1, 0, draw), right(base, 1, 0, draw)) for _ in range(PAIRS)]
        gained, lost = float(np.mean(base * (1 - better))), float(np.mean(better * (1 - base)))
        found[f"{points} points"] = rate(told) | {
            "by the formula, %": round(100 * power(IMAGES, gained, lost), 1),
            "images for 80 %": images_to_tell(gained, lost),
        }
    return found


def verdict(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two recipes are told apart."""
    return compare_seeds(first, second).verdict != "cannot tell"


def outside(difference: Interval) -> bool:
    """Return whether an interval leaves out zero."""
    return difference.low > 0 or difference.high < 0


def rate(told: list[bool], target: str = "") -> dict[str, Any]:
    """Return a share in percent with its interval, and of how many."""
    share = wilson(sum(told), len(told))
    ends = {"low": share.low, "high": share.high, "told, %": share.value or 0.0}
    rounded: dict[str, Any] = {name: round(100 * value, 1) for name, value in ends.items()}
    return rounded | {"n": len(told)} | ({"target": target} if target else {})


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


PARTS = {"null": null, "several": several, "seeds": seeds, "power": strengths}


def main() -> None:
    """Simulate the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    for part in parser.parse_args().part or PARTS:
        record("null", part, machine(["numpy", "scipy"]), PARTS[part](derive(42, "null", part)))


if __name__ == "__main__":
    main()
