"""Rows: an answer as a line of CSV, JSON or text, and what a written line says."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel, TypeAdapter

from stages.predict.answer import PhotoAnswer

_DIGITS = 6  # behind the point of a probability
_COLUMNS = ("path", "predicted", "confidence", "sure", "problem")
_SURE = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True)
class WrittenRow:
    """What a row that is written already says of a photo."""

    path: str
    problem: str


class Answered(Protocol):
    """What a row says at least: which photo, and why there is no answer."""

    @property
    def path(self) -> str:
        """The name of the photo."""

    @property
    def problem(self) -> str:
        """Why nobody can tell, "" for an answer."""

    @property
    def again(self) -> bool:
        """Whether the problem is the machine's or a server's, and may be gone the next time."""


RowAnswer = TypeVar("RowAnswer", bound=Answered)
_Answer_contra = TypeVar("_Answer_contra", bound=Answered, contravariant=True)


class RowFormat(Protocol[_Answer_contra]):
    """How answers become lines of a file."""

    @property
    def header(self) -> str:
        """What the file begins with, "" for nothing."""

    @property
    def may_span_lines(self) -> bool:
        """Whether a quoted cell may hold a line end."""

    def line(self, answer: _Answer_contra) -> str:
        """Return the row of an answer, with its line end."""

    def read(self, lines: Iterable[str]) -> Iterator[WrittenRow]:
        """Yield the rows of lines, the header's among them; ValueError where they are of others."""


class CsvFormat:
    """Rows of a CSV, with two columns for each of the most probable classes."""

    may_span_lines = True

    def __init__(self, top: int) -> None:
        """Take how many classes a row names."""
        pairs = ((f"class_{number}", f"probability_{number}") for number in range(1, top + 1))
        self.columns = [*_COLUMNS, *(name for pair in pairs for name in pair)]
        self.header = csv_line(self.columns)

    def line(self, answer: PhotoAnswer) -> str:
        """Return the row of an answer."""
        return csv_line(self.cells(answer))

    def cells(self, answer: PhotoAnswer) -> list[str]:
        """Return the cells of an answer; one without an answer has empty ones."""
        confidence = "" if answer.confidence is None else _decimal(answer.confidence)
        sure = _SURE[answer.sure]
        cells = [answer.path, answer.predicted, confidence, sure, answer.problem]
        for item in answer.top:
            cells += [item.name, _decimal(item.probability)]
        return cells + [""] * (len(self.columns) - len(cells))

    def read(self, lines: Iterable[str]) -> Iterator[WrittenRow]:
        """Yield the rows below the header."""
        try:
            yield from self._read(csv.reader(lines, strict=True))
        except csv.Error as error:
            raise ValueError(error) from None

    def _read(self, records: Iterator[list[str]]) -> Iterator[WrittenRow]:
        if next(records, None) != self.columns:
            raise ValueError("other columns")
        for cells in records:
            if len(cells) != len(self.columns):
                raise ValueError(f"{len(cells)} cells in a row")
            yield WrittenRow(cells[0], cells[4])


class JsonFormat:
    """Rows of JSON lines; `top` lists the most probable classes."""

    header = ""
    may_span_lines = False

    def line(self, answer: PhotoAnswer) -> str:
        """Return the row of an answer; null stands where there is none."""
        confidence = answer.confidence
        row = {
            "path": answer.path,
            "predicted": answer.predicted or None,
            "confidence": None if confidence is None else round(confidence, _DIGITS),
            "sure": answer.sure,
            "problem": answer.problem or None,
            "top": [
                {"class": item.name, "probability": round(item.probability, _DIGITS)}
                for item in answer.top
            ],
        }
        return json.dumps(row, ensure_ascii=False) + "\n"

    def read(self, lines: Iterable[str]) -> Iterator[WrittenRow]:
        """Yield the rows."""
        for line in lines:
            row = _JSON_ROW.validate_json(line)
            yield WrittenRow(row.path, row.problem or "")


class _JsonRow(BaseModel):
    """What is read of a row of JSON."""

    path: str
    problem: str | None


_JSON_ROW = TypeAdapter(_JsonRow)


def text_of(answer: PhotoAnswer) -> str:
    """Return an answer as a line for people."""
    if answer.problem:
        return f"{answer.path}: {answer.problem}"
    classes = [f"{item.name} {item.probability:.1%}" for item in answer.top]
    if answer.top[0].name != answer.predicted:
        classes.insert(0, answer.predicted)
    doubt = " (not sure)" if answer.sure is False else ""
    return f"{answer.path}: {', '.join(classes)}{doubt}"


def _decimal(value: float) -> str:
    return f"{value:.{_DIGITS}f}"


def csv_line(cells: Iterable[str]) -> str:
    """Return the cells as a line of CSV, with its line end."""
    cells = list(cells)
    # Python before 3.13 does not quote a carriage return, and other readers end a line there.
    text = io.StringIO()
    if any("\r" in cell for cell in cells):
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    else:
        csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
