"""What predict needs of a model, in whatever form it comes: the answers of a batch of photos."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stages.images.picture import Pixels


class PhotoClassifier(Protocol):
    """A model that answers presized photos."""

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the probabilities."""

    @property
    def engine(self) -> str:
        """What computes, in what precision."""

    @property
    def presize(self) -> int:
        """The shorter side in pixels to which photos are presized."""

    @property
    def may_refuse(self) -> bool:
        """Whether each class is a yes or no of its own (bce), so that all may say no."""

    @property
    def batch_size(self) -> int:
        """How many photos to ask for at once."""

    def pred_probs(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the probabilities, (B, C), of B photos (H, W, 3) as presize leaves them.

        They are calibrated where a temperature is known.
        """
