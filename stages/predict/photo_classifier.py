"""What predict needs of a model, in whatever form it comes: the answers of a batch of photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stages.images.picture import Pixels


@dataclass(frozen=True, kw_only=True)
class BatchAnswers:
    """The answers to B photos."""

    pred_probs: NDArray[np.float32]  # (B, C) calibrated, where that is known
    # (B,) the probability of the most probable class before calibration, on which the thresholds of
    # selective prediction were found.
    raw_confidence: NDArray[np.float32]


class PhotoClassifier(Protocol):
    """A model that answers presized photos."""

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the probabilities."""

    @property
    def presize(self) -> int:
        """The shorter side in pixels to which photos are presized."""

    @property
    def may_refuse(self) -> bool:
        """Whether each class is a yes or no of its own (bce), so that all may say no."""

    @property
    def batch_size(self) -> int:
        """How many photos to ask for at once."""

    def answers(self, photos: Sequence[Pixels]) -> BatchAnswers:
        """Return the answers to photos (H, W, 3) as presize leaves them."""
