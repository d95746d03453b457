"""Any model that answers a batch of photos can be asked, in whatever form it comes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.images.picture import Pixels
from stages.predict.answer import AnswerRule, answer_photos
from stages.predict.photo_classifier import PhotoClassifier
from stages.predict.photo_source import PhotoSource


class Brightness:
    """A model without torch: whether a photo is dark or bright."""

    class_names: Sequence[str] = ("dark", "bright")
    presize = 48
    engine = "numpy"
    may_refuse = False
    batch_size = 4

    def pred_probs(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the mean of the pixels as the probability of bright."""
        bright = np.array([photo.mean() / 255 for photo in photos], np.float32)
        return np.stack([1 - bright, bright], axis=1)


MODEL: PhotoClassifier = Brightness()


def test_another_model_takes_its_place() -> None:
    """Answers need no more of a model than the protocol says."""
    photos = [(PhotoSource("a", b""), np.full((4, 4, 3), grey, np.uint8)) for grey in (0, 255)]
    (answers,) = answer_photos(photos, MODEL, AnswerRule(threshold=None, top=1))
    assert [answer.predicted for answer in answers] == ["dark", "bright"]
