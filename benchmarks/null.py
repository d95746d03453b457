"""Whether a verdict can be trusted: models that are equally good, and models that are not.

Two models classify the same images, of which some are hard for both: each image has its own chance
of being right, the same for both models where they are equally good. Parts: null (2,000 pairs: how
often the verdict is "better" or "worse", and how often an interval misses no difference), several
(five equal models against one base, by Holm), seeds (two groups of five equal seeds that scatter),
power (how often true differences of 1, 2 and 3 points get a verdict). No part trains anything.
Run: python -m benchmarks.null [part ...]. Results: results/null.json.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.measure import machine, record
from stages.base.seed import derive
from stages.compare.score_changes import ComparedImages, SetupOutcomes, compare_scores
from stages.stats.holm import holm
from stages.stats.intervals import Interval, wilson
from stages.stats.power import images_to_tell, power
from stages.stats.seeds import compare_seeds

IMAGES, PAIRS, CLASSES = 1478, 2000, 37
ERRORS = (0.02, 0.055, 0.15)  # true error rates; .055 is what resnet50 has on pets
SPREADS = (0.0, 1.5, 4.0)  # of difficulty, in logits: none, then more and more shared mistakes
SCORED = 600  # pairs whose macro F1 and log loss are compared too, .3 s each


def chances(error: float, spread: float, draw: np.random.Generator) -> np.ndarray:
    """Return the chance that a model is wrong, image by image, with this mean."""
    hard = spread * draw.standard_normal(IMAGES)
    low, high = -30.0, 30.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if _sigmoid(hard + middle).mean() > error:
            high = middle
        else:
            low = middle
    return _sigmoid(hard + low)


def right(wrong: np.ndarray, runs: int, scatter: float, draw: np.random.Generator) -> np.ndarray:
    """Return which images each run of a setup has right, (K, V); seeds scatter in logits."""
    logits = np.log(wrong / (1 - wrong)) + scatter * draw.standard_normal((runs, 1))
    is_right: np.ndarray = draw.random((runs, len(wrong))) >= _sigmoid(logits)
    return is_right


def null(draw: np.random.Generator) -> dict[str, Any]:
    """Compare pairs of equally good models, for each true error and spread of difficulty."""
    figures = {}
    for error in ERRORS:
        for spread in SPREADS:
            wrong = chances(error, spread, draw)
            verdicts = [
                verdict(right(wrong, 1, 0, draw), right(wrong, 1, 0, draw)) for _ in range(PAIRS)
            ]
            name = f"error {100 * error:g} %, difficulty {spread:g}"
            figures[name] = rate(verdicts, "at most 5 %")
    return figures | scores(draw)


def scores(draw: np.random.Generator) -> dict[str, Any]:
    """Count how often the interval of each score's difference misses zero, under the null."""
    wrong = chances(0.055, 1.5, draw)
    missed: dict[str, list[bool]] = {"macro F1": [], "log loss": []}
    targets = draw.integers(0, CLASSES, IMAGES)
    names = [str(number) for number in range(CLASSES)]
    images = ComparedImages(targets=targets, class_names=names)
    for _ in range(SCORED):
        base = outcomes(targets, wrong, draw)
        other = outcomes(targets, wrong, draw)
        result = compare_scores(images, base, other, draw)
        for name, change in zip(missed, (result.macro_f1, result.log_loss), strict=True):
            assert change is not None
            missed[name].append(outside(change.difference))
    return {
        f"interval of {name} without zero": rate(misses, "about 5 %")
        for name, misses in missed.items()
    }


def outcomes(targets: np.ndarray, wrong: np.ndarray, draw: np.random.Generator) -> SetupOutcomes:
    """Return a model's outcomes: where it is wrong, any other class, and at a higher loss."""
    good = right(wrong, 1, 0, draw)
    others = (targets + draw.integers(1, CLASSES, IMAGES)) % CLASSES
    loss = np.where(good, draw.exponential(0.1, (1, IMAGES)), draw.exponential(2.5, (1, IMAGES)))
    return SetupOutcomes(
        predicted=np.where(good, targets, others),
        loss=loss,
        confidence=np.full((1, IMAGES), 0.9),
    )


def several(draw: np.random.Generator) -> dict[str, Any]:
    """Compare five models, none better than the base: how often one of them is called so."""
    rejected = []
    wrong = chances(0.055, 1.5, draw)
    for _ in range(PAIRS):
        base = right(wrong, 1, 0, draw)
        values = [compare_seeds(right(wrong, 1, 0, draw), base).p for _ in range(5)]
        rejected.append(min(holm(values)) < 0.05)
    return {"one of five, by Holm": rate(rejected, "at most 5 %")}


def seeds(draw: np.random.Generator) -> dict[str, Any]:
    """Compare seeds of equally good setups, whose runs scatter as trainings do, or not."""
    figures = {}
    wrong = chances(0.055, 1.5, draw)
    for runs in ((5, 5), (1, 5), (3, 3)):
        for scatter in (0.0, 0.15):  # .15 in logits is a standard deviation of .7 points of error
            verdicts = [
                verdict(right(wrong, runs[0], scatter, draw), right(wrong, runs[1], scatter, draw))
                for _ in range(PAIRS)
            ]
            name = f"{runs[0]} against {runs[1]} runs, scatter {scatter:g}"
            figures[name] = rate(verdicts, "at most 5 %")
    return figures


def strengths(draw: np.random.Generator) -> dict[str, Any]:
    """Count how often a true difference gets a verdict, simulated and by the formula."""
    figures = {}
    for points in (1, 2, 3):
        base = chances(0.055, 1.5, draw)
        better = chances(0.055 - points / 100, 1.5, draw)
        verdicts = [
            verdict(right(better, 1, 0, draw), right(base, 1, 0, draw)) for _ in range(PAIRS)
        ]
        gained = float(np.mean(base * (1 - better)))
        lost = float(np.mean(better * (1 - base)))
        figures[f"{points} points"] = rate(verdicts) | {
            "by the formula, %": round(100 * power(IMAGES, gained, lost), 1),
            "images for 80 %": images_to_tell(gained, lost),
        }
    return figures


def verdict(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether one of two setups is called better."""
    return compare_seeds(first, second).verdict != "cannot tell"


def outside(difference: Interval) -> bool:
    """Return whether an interval leaves out zero."""
    return difference.low > 0 or difference.high < 0


def rate(verdicts: list[bool], target: str = "") -> dict[str, Any]:
    """Return a share in percent with its interval, and of how many."""
    share = wilson(sum(verdicts), len(verdicts))
    ends = {"low": share.low, "high": share.high, "told, %": share.value or 0.0}
    rounded: dict[str, Any] = {name: round(100 * value, 1) for name, value in ends.items()}
    return rounded | {"n": len(verdicts)} | ({"target": target} if target else {})


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    shares: np.ndarray = 1 / (1 + np.exp(-logits))
    return shares


PARTS = {"null": null, "several": several, "seeds": seeds, "power": strengths}


def main() -> None:
    """Simulate the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    for part in parser.parse_args().part or PARTS:
        record("null", part, machine(["numpy", "scipy"]), PARTS[part](derive(42, "null", part)))


if __name__ == "__main__":
    main()
