"""What a model says of validation images, and the paired test of two of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stages.stats.mcnemar import compare_paired


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model says of V validation images, and what it took to have it."""

    pred_probs: np.ndarray  # (V, C)
    targets: np.ndarray  # (V,)
    seconds: float
    megabytes: float  # the most memory of a process
    recipe: str = ""  # its name
    # By damage, which images the model and the probe have right.
    degraded: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def right(self) -> np.ndarray:
        """Return which images have their label as the most probable class, (V,) bool."""
        right: np.ndarray = self.pred_probs.argmax(1) == self.targets
        return right

    @property
    def error(self) -> float:
        """Return the share of the others in percent."""
        return 100 * float(np.mean(~self.right))


def paired(right: np.ndarray, other_right: np.ndarray) -> dict[str, Any]:
    """Return both errors in percent and the paired test of which is better."""
    against = compare_paired(right, other_right)
    return {
        "error, %": round(100 * float(np.mean(~right)), 2),
        "other, %": round(100 * float(np.mean(~other_right)), 2),
        "verdict": against.verdict,
        "p": float(f"{against.p:.2g}"),
        "only this is right": against.only_first_right,
        "only the other is right": against.only_second_right,
        "images": against.images,
    }


def pooled(tests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the paired test over the images of several, from what each of them counted."""
    ours: list[bool] = []
    theirs: list[bool] = []
    for test in tests:
        only_first = test["only this is right"]
        only_second = test["only the other is right"]
        both_wrong = round(test["error, %"] / 100 * test["images"]) - only_second
        both_right = test["images"] - only_first - only_second - both_wrong
        ours += [True] * (only_first + both_right) + [False] * (only_second + both_wrong)
        theirs += [False] * only_first + [True] * (both_right + only_second) + [False] * both_wrong
    return paired(np.array(ours), np.array(theirs))
