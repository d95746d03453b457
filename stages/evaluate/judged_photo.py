"""Judged photo: a labelled photo with the model's answer, as it is kept until all are answered."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from stages.evaluate.measure_photo import MeasuredPhoto, PhotoFacts
from stages.predict.answer import AnswerRule, PhotoAnswer, answer_photos
from stages.predict.opened_model import OpenedModel
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.read_photo import ReadPhoto
from stages.predict.rows import WrittenRow


@dataclass(frozen=True, kw_only=True)
class JudgedPhoto:
    """A labelled photo, the model's answer to it, and its facts, None where it was not read."""

    answer: PhotoAnswer
    label: str
    p_label: float | None = None  # calibrated; None of a class that the model does not know
    # Probability of the most probable class by the model as it is, without the temperature.
    plain_confidence: float | None = None
    facts: PhotoFacts | None = None

    @property
    def path(self) -> str:
        """The name of the photo."""
        return self.answer.path

    @property
    def problem(self) -> str:
        """Why it has no answer, "" where it has one."""
        return self.answer.problem

    @property
    def again(self) -> bool:
        """Whether the problem may be gone the next time."""
        return self.answer.again


_ROW = TypeAdapter(JudgedPhoto)


class JudgedFormat:
    """Rows of JSON, one a photo."""

    header = ""
    may_span_lines = False

    def line(self, answer: JudgedPhoto) -> str:
        """Return the row of a photo."""
        return _ROW.dump_json(answer).decode() + "\n"

    def read(self, lines: Iterable[str]) -> Iterator[WrittenRow]:
        """Yield what the rows say of their photos."""
        for line in lines:
            row = _ROW.validate_json(line)
            yield WrittenRow(row.path, row.problem)


def read_judged(file: Path) -> dict[str, JudgedPhoto]:
    """Return the photos of a file by their names."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        rows = map(_ROW.validate_json, lines)
        return {row.path: row for row in rows}


def judge_photos(
    photos: Iterable[tuple[PhotoSource, MeasuredPhoto | Unread]],
    model: OpenedModel,
    labels: Mapping[str, str],
    top: int,
) -> Iterator[list[JudgedPhoto]]:
    """Yield the judged photos batch by batch, in their order; top: classes to keep of each."""
    facts: deque[PhotoFacts | None] = deque()  # of the photos that the model is at

    def pixels() -> Iterator[ReadPhoto]:
        for source, photo in photos:
            facts.append(None if isinstance(photo, Unread) else photo.facts)
            yield source, photo if isinstance(photo, Unread) else photo.pixels

    everything = AnswerRule(threshold=model.trust.threshold, top=len(model.classifier.class_names))
    for answers in answer_photos(pixels(), model.classifier, everything):
        yield [
            _judged(answer, labels[answer.path], facts.popleft(), model, top) for answer in answers
        ]


def _judged(
    answer: PhotoAnswer, label: str, facts: PhotoFacts | None, model: OpenedModel, top: int
) -> JudgedPhoto:
    if answer.problem:
        return JudgedPhoto(answer=answer, label=label)
    of_label = [item.probability for item in answer.top if item.name == label]
    probabilities = [item.probability for item in answer.top]
    return JudgedPhoto(
        answer=replace(answer, top=answer.top[:top]),
        label=label,
        p_label=of_label[0] if of_label else None,
        plain_confidence=_without_temperature(
            probabilities, model.trust.temperature, model.classifier.may_refuse
        ),
        facts=facts,
    )


def _without_temperature(falling: list[float], temperature: float, sigmoid: bool) -> float:
    """Return the largest of the probabilities (falling) that a temperature made these of."""
    powers = [probability**temperature for probability in falling]
    rest = (1 - falling[0]) ** temperature if sigmoid else sum(powers[1:])
    return float(powers[0] / (powers[0] + rest))
