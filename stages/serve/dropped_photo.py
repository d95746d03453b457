"""A dropped photo: what the model says of it, and where it looked, as the page shows both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stages.base.child_process import ChildProcess, Death
from stages.images.picture import Pixels
from stages.page.thumbnails import overlay, thumbnail
from stages.predict.answer import AnswerRule, ClassProbability, answer_of
from stages.predict.photo_classifier import PhotoClassifier
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.read_photo import PhotoRequest, read_photo
from stages.predict.trust import Trust

_SIDE = 480  # pixels of the longer side of a picture
_TOP = 3  # classes
_NAME = "the photo"  # its own is the client's, and no path of it is opened


class SaliencyClassifier(PhotoClassifier, Protocol):
    """A photo classifier that can say where it looked."""

    def saliency(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return a map of each photo, (B, h, w) from 0 to 1, or (0, 0, 0) where there is none."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model in memory, and how far its confidence may be taken at its word."""

    classifier: SaliencyClassifier
    trust: Trust
    key: str  # changes with the files of the model


@dataclass(frozen=True, kw_only=True)
class PhotoOpinion:
    """What the page shows of a dropped photo."""

    problem: str = ""
    predicted: str = ""
    sure: bool | None = None  # None where no threshold is known
    top: tuple[ClassProbability, ...] = ()  # the most probable first
    picture: str = ""  # a data URI
    saliency: str = ""  # a data URI, "" where the network has no places
    trust: tuple[str, ...] = ()


class DroppedPhotos:
    """The model, loaded at the first photo and again when its files are others."""

    def __init__(self, model_key: Callable[[], str], load: Callable[[], LoadedModel]) -> None:
        """Take what says which model lies on the disk ("" for none), and what loads it."""
        self._model_key = model_key
        self._load = load
        self._model: LoadedModel | None = None
        self._reader: ChildProcess[PhotoRequest, Pixels | Unread] | None = None
        self._lock = Lock()

    def ask(self, content: bytes) -> PhotoOpinion:
        """Return what the model says of the bytes of a photo; UserError where there is no model.

        A child process decodes them, so that a photo that crashes a decoder ends no server.
        """
        with self._lock:
            model = self._current_model()
            if self._reader is None:
                self._reader = ChildProcess(read_photo)
            request = PhotoRequest(PhotoSource(_NAME, content), model.classifier.presize)
            photo = self._reader.ask(request)
            if isinstance(photo, Death):
                return PhotoOpinion(problem=f"the decoder ended at this photo ({photo})")
            if isinstance(photo, Unread):
                return PhotoOpinion(problem=photo.problem)
            return _opinion(photo, model)

    def end(self) -> None:
        """End the child process."""
        if self._reader is not None:
            self._reader.end()

    def _current_model(self) -> LoadedModel:
        key = self._model_key()
        # While stages run there may be none, since DVC removes it first: then the one in memory.
        if self._model is None or key not in ("", self._model.key):
            self._model = self._load()
        return self._model


def _opinion(photo: Pixels, model: LoadedModel) -> PhotoOpinion:
    classifier = model.classifier
    top = min(_TOP, len(classifier.class_names))
    rule = AnswerRule(threshold=model.trust.threshold, top=top)
    answer = answer_of(_NAME, classifier.pred_probs([photo])[0], classifier, rule)
    maps = classifier.saliency([photo])
    return PhotoOpinion(
        predicted=answer.predicted,
        sure=answer.sure,
        top=answer.top,
        picture=thumbnail(photo, _SIDE),
        saliency=overlay(photo, maps[0], _SIDE) if len(maps) else "",
        trust=model.trust.lines,
    )
