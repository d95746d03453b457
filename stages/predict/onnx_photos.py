"""An exported model as predict asks it: ONNX on the processor, without torch."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.base.environment import workers
from stages.forms.onnx_classifier import OnnxClassifier
from stages.forms.photo_pixels import centre_square
from stages.images.picture import Pixels

_PHOTOS_AT_ONCE = 16


class OnnxPhotos:
    """A file that export wrote; its temperature is inside."""

    def __init__(self, path: Path) -> None:
        """Open the file; a UserError where export did not write it."""
        self._classifier = OnnxClassifier(path)
        self.facts = self._classifier.facts
        self.class_names: Sequence[str] = self.facts.class_names
        self.engine = "ONNX on the processor"
        self.presize = self.facts.presize
        self.may_refuse = self.facts.activation == "sigmoid"
        self.batch_size = _PHOTOS_AT_ONCE
        self._pool = ThreadPoolExecutor(workers())

    def pred_probs(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the probabilities of photos, (B, C)."""
        squares = self._pool.map(partial(centre_square, size=self.facts.size), photos)
        answers: NDArray[np.float32] = self._classifier.answer(np.stack(list(squares)))
        return answers
