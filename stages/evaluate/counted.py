"""Counted photos: those that the numbers of an evaluation are about, and why others are not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.record import EvaluationCounts
from stages.evaluate.twins import Twins
from stages.predict.answer import NONE_OF_THESE


@dataclass(frozen=True, kw_only=True)
class CountedPhotos:
    """The photos that count, as arrays, and what became of the others."""

    paths: np.ndarray  # (N,) str
    targets: np.ndarray  # (N,) class numbers
    predicted: np.ndarray  # (N,) class numbers; a refusal is the number behind the last class
    most_probable: np.ndarray  # (N,) class numbers, of refusals too
    confidence: np.ndarray  # (N,) float64, as applied
    plain_confidence: np.ndarray  # (N,) float64, without the temperature
    sure: np.ndarray  # (N,) bool
    p_label: np.ndarray  # (N,) float64
    properties: Mapping[str, np.ndarray]  # size, brightness, sharpness, (N,) each
    counts: EvaluationCounts
    unknown_classes: Mapping[str, int]  # label -> photos that would count if it were known

    @property
    def right(self) -> np.ndarray:
        """Which photos the model has right; a refusal is no right answer."""
        right: np.ndarray = self.predicted == self.targets
        return right


def count_photos(
    judged: Sequence[JudgedPhoto],
    twins: Twins,
    class_names: Sequence[str],
    *,
    not_labelled: int,
    seen_known: bool,
) -> CountedPhotos:
    """Return the photos that count: read, new to the model, of a known class, each picture once.

    Which label of a picture is right where it has several nobody can tell, so it does not count.

    seen_known: whether anybody can tell what the model has seen.
    """
    number = {name: place for place, name in enumerate(class_names)}
    counted, reasons, unknown = _divide(judged, twins, number)
    counts = EvaluationCounts(
        photos=len(judged) + not_labelled,
        not_labelled=not_labelled,
        unread=reasons["unread"],
        seen_in_training=reasons["training"] if seen_known else None,
        seen_in_validation=reasons["validation"] if seen_known else None,
        set_aside=reasons["test"] if seen_known else None,
        labels_in_conflict=reasons["conflict"],
        repeats=reasons["repeat"],
        unknown_class=unknown.total(),
        counted=len(counted),
    )
    predicted = [photo.answer.predicted for photo in counted]
    most_probable = [number[photo.answer.top[0].name] for photo in counted]
    facts = [photo.facts for photo in counted if photo.facts]
    return CountedPhotos(
        paths=np.array([photo.path for photo in counted], dtype=str),
        targets=np.array([number[photo.label] for photo in counted], np.int64),
        predicted=np.array(
            [
                len(number) if name == NONE_OF_THESE and name not in number else place
                for name, place in zip(predicted, most_probable, strict=True)
            ],
            np.int64,
        ),
        most_probable=np.array(most_probable, np.int64),
        confidence=np.array([photo.answer.confidence or 0 for photo in counted], float),
        plain_confidence=np.array([photo.plain_confidence or 0 for photo in counted], float),
        sure=np.array([photo.answer.sure is True for photo in counted], bool),
        p_label=np.array([photo.p_label or 0 for photo in counted], float),
        properties={
            "size": np.array([fact.size for fact in facts], float),
            "brightness": np.array([fact.brightness for fact in facts], float),
            "sharpness": np.array([fact.sharpness for fact in facts], float),
        },
        counts=counts,
        unknown_classes=dict(sorted(unknown.items())),
    )


def conflicting_pictures(judged: Sequence[JudgedPhoto], twins: Twins) -> set[str]:
    """Return the pictures, by their first path, of which photos have several labels."""
    labels: dict[str, set[str]] = {}
    for photo in judged:
        if not photo.problem:
            labels.setdefault(twins.picture[photo.path], set()).add(photo.label)
    return {picture for picture, names in labels.items() if len(names) > 1}


def _divide(
    judged: Sequence[JudgedPhoto], twins: Twins, number: Mapping[str, int]
) -> tuple[list[JudgedPhoto], Counter[str], Counter[str]]:
    """Return what counts, how many photos do not by reason, and those of unknown classes."""
    counted: list[JudgedPhoto] = []
    reasons: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    pictures: set[str] = set()
    in_conflict = conflicting_pictures(judged, twins)
    for photo in judged:
        if photo.problem:
            reasons["unread"] += 1
        elif side := twins.seen.get(photo.path):
            reasons[side] += 1
        elif twins.picture[photo.path] in in_conflict:
            reasons["conflict"] += 1
        elif twins.picture[photo.path] in pictures:
            reasons["repeat"] += 1
        else:
            pictures.add(twins.picture[photo.path])
            if photo.label in number:
                counted.append(photo)
            else:
                unknown[photo.label] += 1
    return counted, reasons, unknown
