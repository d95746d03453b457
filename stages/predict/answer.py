"""Answers: what a row says of a photo, from the probabilities of its classes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.base.errors import UserError
from stages.predict.photo_classifier import PhotoClassifier
from stages.predict.photo_source import Unread
from stages.predict.read_photo import ReadPhoto

NONE_OF_THESE = "none of these"
# With bce each class has a sigmoid of its own; one below a half is a no.
YES_FROM = 0.5


@dataclass(frozen=True)
class ClassProbability:
    """A class and its probability."""

    name: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class PhotoAnswer:
    """The row of a photo: what it shows, or the problem why nobody can tell."""

    path: str
    predicted: str = ""
    confidence: float | None = None  # probability of the most probable class
    sure: bool | None = None  # None where no threshold is known
    problem: str = ""
    again: bool = False  # the problem is the machine's or a server's, not the photo's
    top: tuple[ClassProbability, ...] = ()  # most probable first


@dataclass(frozen=True, kw_only=True)
class AnswerRule:
    """How probabilities become an answer."""

    threshold: float | None  # of the confidence, from which on an answer is sure
    top: int  # classes to name


def answer_photos(
    photos: Iterable[ReadPhoto],
    classifier: PhotoClassifier,
    rule: AnswerRule,
) -> Iterator[list[PhotoAnswer]]:
    """Yield the answers to photos batch by batch, in their order, problems among them.

    UserError where the model answers with NaN.
    """
    group: list[ReadPhoto] = []
    for item in photos:
        group.append(item)
        if len(group) == classifier.batch_size:
            yield _answer_group(group, classifier, rule)
            group = []
    if group:
        yield _answer_group(group, classifier, rule)


def _answer_group(
    group: Sequence[ReadPhoto],
    classifier: PhotoClassifier,
    rule: AnswerRule,
) -> list[PhotoAnswer]:
    pixels = [photo for _, photo in group if not isinstance(photo, Unread)]
    rows = iter(classifier.pred_probs(pixels)) if pixels else iter(())
    answers = []
    for source, photo in group:
        if isinstance(photo, Unread):
            answers.append(PhotoAnswer(path=source.name, problem=photo.problem, again=photo.again))
            continue
        pred_probs = next(rows)
        if not np.isfinite(pred_probs).all():
            raise UserError(
                f"the model answers {source.name} with NaN, since its training diverged; train "
                "with a smaller fine_tune.base_lr"
            )
        answers.append(answer_of(source.name, pred_probs, classifier, rule))
    return answers


def answer_of(
    path: str,
    pred_probs: NDArray[np.float32],
    classifier: PhotoClassifier,
    rule: AnswerRule,
) -> PhotoAnswer:
    """Return the answer to one photo by the probabilities of its classes, (C,).

    Where classes may all say no and no one reaches a half, the prediction is that; how often that
    is right nobody has measured.
    """
    order = np.argsort(-pred_probs, kind="stable")[: rule.top]
    names = classifier.class_names
    top = tuple(ClassProbability(names[at], float(pred_probs[at])) for at in order)
    refused = classifier.may_refuse and top[0].probability < YES_FROM
    sure = None
    if rule.threshold is not None and not refused:
        sure = top[0].probability >= rule.threshold
    return PhotoAnswer(
        path=path,
        predicted=NONE_OF_THESE if refused else top[0].name,
        confidence=top[0].probability,
        sure=sure,
        top=top,
    )
