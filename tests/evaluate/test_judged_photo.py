"""Labelled photos get the model's answers, and come back from their file as they were."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stages.evaluate.judged_photo import JudgedFormat, JudgedPhoto, judge_photos, read_judged
from stages.evaluate.measure_photo import MeasuredPhoto, PhotoFacts
from stages.predict.opened_model import OpenedModel
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.trust import Trust
from stages.stats.temperature import apply_temperature
from tests.evaluate.example_evaluation import judged, unread

LOGITS = np.array([[3, 1, 0.5], [0.2, 0.1, 2], [-1, -2, -3]])


def probabilities(temperature: float, *, sigmoid: bool) -> np.ndarray:
    """Return what a model of these logits answers."""
    logits = LOGITS / temperature
    if sigmoid:
        return np.asarray(1 / (1 + np.exp(-logits)))
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


class Answers:
    """A classifier that answers in order, whatever the photos are."""

    class_names = ("cat", "dog", "owl")
    batch_size = 2

    def __init__(self, temperature: float, *, sigmoid: bool) -> None:
        """Take how the answers are made."""
        self.may_refuse = sigmoid
        self._rows = iter(probabilities(temperature, sigmoid=sigmoid))

    def pred_probs(self, photos: Sequence[np.ndarray]) -> np.ndarray:
        """Return the next answers."""
        return np.array([next(self._rows) for _ in photos])


def photo(number: int) -> tuple[PhotoSource, MeasuredPhoto]:
    """Return a source with its photo, known by its size."""
    facts = PhotoFacts(sha256="", phash="", size=number, brightness=0, sharpness=0)
    return PhotoSource(f"{number}", b""), MeasuredPhoto(np.zeros((4, 4, 3), np.uint8), facts)


def answers(temperature: float, *, sigmoid: bool) -> list[JudgedPhoto]:
    """Return three photos judged, with one between them that cannot be read."""
    model: Any = SimpleNamespace(
        classifier=Answers(temperature, sigmoid=sigmoid),
        trust=Trust(temperature=temperature, threshold=0.6, lines=()),
    )
    assert set(OpenedModel.__annotations__) >= {"classifier", "trust"}
    photos: Iterator[tuple[PhotoSource, MeasuredPhoto | Unread]] = iter(
        [photo(1), (PhotoSource("broken", b""), Unread("truncated")), photo(2), photo(3)]
    )
    labels = {"1": "cat", "2": "dog", "3": "emu", "broken": "cat"}
    return [one for batch in judge_photos(photos, model, labels, 2) for one in batch]


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_answers_meet_their_labels_and_facts(temperature: float, sigmoid: bool) -> None:
    """Each photo keeps its own facts, the probability of its label, and the untempered one."""
    pred_probs = probabilities(temperature, sigmoid=sigmoid)
    found = answers(temperature, sigmoid=sigmoid)
    assert [one.path for one in found] == ["1", "broken", "2", "3"]
    assert found[1].problem == "truncated"
    assert (found[1].p_label, found[1].facts) == (None, None)
    read = [found[0], *found[2:]]
    assert [one.facts.size for one in read if one.facts] == [1, 2, 3]
    assert [one.p_label for one in read] == [
        pytest.approx(pred_probs[0, 0]), pytest.approx(pred_probs[1, 1]), None,
    ]  # fmt: skip
    assert [len(one.answer.top) for one in read] == [2, 2, 2]
    plain = probabilities(1, sigmoid=sigmoid).max(axis=1)
    assert [one.plain_confidence for one in read] == pytest.approx(plain.tolist())
    assert apply_temperature(pred_probs, 1 / temperature).max(axis=1) == pytest.approx(
        plain, abs=1e-6
    )


def test_rows_come_back_whatever_the_names_are(tmp_path: Path) -> None:
    """Line ends, quotes and markup in names and labels come back from the file."""
    rows = [judged("a\n\r\u2028.jpg", label='"<b>,'), unread("\x1b[2J"), judged("b", sure=True)]
    form = JudgedFormat()
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(map(form.line, rows)), encoding="utf-8", newline="\n")
    assert list(read_judged(file).values()) == rows
    with file.open(encoding="utf-8", newline="\n") as lines:
        assert [(row.path, row.problem) for row in form.read(lines)] == [
            (row.path, row.problem) for row in rows
        ]


def test_a_damaged_row_is_no_row() -> None:
    """What is no row of this kind is a ValueError, as the output file expects it."""
    with pytest.raises(ValueError, match="validation error"):
        list(JudgedFormat().read(['{"path": "a"}\n']))
