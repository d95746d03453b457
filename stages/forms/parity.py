"""Parity: how far the answers of a form of the model are from Finetrack's on the same photos."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.base.errors import UserError

_USUAL = 0.95


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Answers of a form against Finetrack's, probabilities (N, C) of the same images."""

    images: int
    other_classes: int  # images of another most probable class; equally probable ones do not count
    usual: float  # largest difference of a probability in an image, in 95 % of the images
    largest: float  # in any of them
    bound: float  # of the largest, to be allowed

    @property
    def holds(self) -> bool:
        """Whether the form may be used in Finetrack's place."""
        return self.other_classes == 0 and self.largest <= self.bound


def measure_parity(ours: np.ndarray, theirs: np.ndarray, bound: float) -> Parity:
    """Compare the answers; what is not finite is as far away as can be.

    A class is another when it is less probable in ours by more than the bound.
    """
    finite = np.isfinite(theirs).all()
    difference = np.abs(ours - theirs).max(axis=1) if finite else np.ones(len(ours))
    chosen = ours[np.arange(len(ours)), theirs.argmax(axis=1)]
    return Parity(
        images=len(ours),
        other_classes=int(np.sum(ours.max(axis=1) - chosen > bound)),
        usual=float(np.quantile(difference, _USUAL)),
        largest=float(difference.max()),
        bound=bound,
    )


def require_parity(path: Path, parity: Parity, remedy: str) -> None:
    """Raise a UserError where a form answers otherwise."""
    if not parity.holds:
        raise UserError(
            f"{path}: of {parity.images} validation photos {parity.other_classes} get another "
            f"class than from data/model, and a probability differs by {parity.largest:.2g}, more "
            f"than {parity.bound:g}; {remedy}"
        )
