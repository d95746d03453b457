"""Probabilities become answers: what a photo shows, and whether that is sure."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.base.errors import UserError
from stages.images.picture import Pixels
from stages.predict.answer import NONE_OF_THESE, AnswerRule, PhotoAnswer, answer_of, answer_photos
from stages.predict.photo_source import PhotoSource, Unread

PHOTO = np.zeros((4, 4, 3), np.uint8)


class Model:
    """Answers each photo with the next row of probabilities."""

    def __init__(self, rows: Sequence[Sequence[float]], may_refuse: bool = False) -> None:
        """Take the rows, for classes cat, dog and owl."""
        self.class_names: Sequence[str] = ("cat", "dog", "owl")
        self.presize = 48
        self.engine = "a list"
        self.batch_size = 2
        self.may_refuse = may_refuse
        self.batches: list[int] = []
        self._rows = [np.array(row, np.float32) for row in rows]

    def pred_probs(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the next rows."""
        self.batches.append(len(photos))
        return np.stack([self._rows.pop(0) for _ in photos])


def answer(row: Sequence[float], threshold: float | None = None, top: int = 2, **model: bool) -> (
    PhotoAnswer
):  # fmt: skip
    """Return the answer to one photo of which the model says this."""
    rule = AnswerRule(threshold=threshold, top=top)
    return answer_of("a.jpg", np.array(row, np.float32), Model([], **model), rule)


def test_the_most_probable_classes_come_first() -> None:
    """The prediction is the first of the top, whose probability is the confidence."""
    found = answer([0.2, 0.5, 0.3])
    assert (found.predicted, found.confidence) == ("dog", 0.5)
    assert [(item.name, round(item.probability, 6)) for item in found.top] == [
        ("dog", 0.5), ("owl", 0.3)
    ]  # fmt: skip
    assert len(answer([0.2, 0.5, 0.3], top=9).top) == 3


def test_an_answer_is_sure_from_the_threshold_on() -> None:
    """The threshold is compared with the confidence; without a threshold nobody knows."""
    assert answer([0.0, 0.75, 0.25], threshold=0.75).sure is True
    assert answer([0.0, 0.75, 0.25], threshold=0.76).sure is False
    assert answer([0.0, 0.9, 0.1]).sure is None


def test_where_all_classes_may_say_no_the_answer_may_be_none() -> None:
    """With bce an image that no class claims is none of these; softmax always picks one."""
    assert answer([0.1, 0.3, 0.2], may_refuse=True).predicted == NONE_OF_THESE
    assert answer([0.1, 0.3, 0.2], may_refuse=True).top[0].name == "dog"
    assert answer([0.1, 0.3, 0.2], may_refuse=True, threshold=0.2).sure is None
    assert answer([0.1, 0.9, 0.2], may_refuse=True, threshold=0.2).sure is True
    assert answer([0.1, 0.3, 0.2]).predicted == "dog"
    assert answer([0.1, 0.9, 0.2], may_refuse=True).predicted == "dog"


def test_problems_keep_their_places() -> None:
    """Each photo is answered in its place, batch by batch; a batch of problems asks no model."""
    model = Model([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    photos: list[Pixels | Unread] = [PHOTO, Unread("no"), Unread("x"), Unread("y"), PHOTO, PHOTO]
    named = [(PhotoSource(f"{place}", b""), photo) for place, photo in enumerate(photos)]
    rule = AnswerRule(threshold=None, top=1)
    groups = list(answer_photos(named, model, rule))
    answers = [found for group in groups for found in group]
    assert [len(group) for group in groups] == [2, 2, 2]
    assert [found.path for found in answers] == list("012345")
    assert [found.predicted or found.problem for found in answers] == [
        "cat", "no", "x", "y", "dog", "owl"
    ]  # fmt: skip
    assert model.batches == [1, 2]


def test_answers_come_as_photos_do() -> None:
    """No batch waits for photos behind it, however many there are."""

    def endless() -> object:
        while True:
            yield PhotoSource("a", b""), PHOTO

    groups = answer_photos(endless(), Model([[1, 0, 0]] * 64), AnswerRule(threshold=None, top=1))  # type: ignore[arg-type]
    assert len(next(groups)) == len(next(groups)) == 2


def test_answers_that_are_no_numbers_stop_with_the_photo() -> None:
    """A model that overflows is an error that names the photo, not a share of nan%."""
    photos = [(PhotoSource("a.png", b""), PHOTO)]
    with pytest.raises(UserError, match=r"answers a\.png with NaN, since its training diverged"):
        list(answer_photos(photos, Model([[np.nan, 0, 0]]), AnswerRule(threshold=None, top=1)))
