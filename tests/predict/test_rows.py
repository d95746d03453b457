"""Rows hold an answer so that other programs read it, and give back what they need of it."""

import csv
import io
import json

import pandas as pd
import pytest

from stages.predict.answer import ClassProbability, PhotoAnswer
from stages.predict.rows import CsvFormat, JsonFormat, RowFormat, WrittenRow, text_of

TOP = (ClassProbability("dog", 0.87654321), ClassProbability("a, b", 0.1))
SURE = PhotoAnswer(path="a.jpg", predicted="dog", confidence=0.87654321, sure=True, top=TOP)
PROBLEM = PhotoAnswer(path="b.jpg", problem="truncated: ends, too soon")
ODD = 'c"d, e\nf\rg é 猫.jpg'


def test_a_csv_has_the_columns_of_the_readme() -> None:
    """The columns are fixed, then a name and a probability for each class of the top."""
    rows = CsvFormat(2)
    text = rows.header + rows.line(SURE) + rows.line(PROBLEM)
    assert text.splitlines()[0] == (
        "path,predicted,confidence,sure,problem,class_1,probability_1,class_2,probability_2"
    )
    first, second = csv.DictReader(io.StringIO(text))
    assert first == {
        "path": "a.jpg", "predicted": "dog", "confidence": "0.876543", "sure": "yes", "problem": "",
        "class_1": "dog", "probability_1": "0.876543", "class_2": "a, b",
        "probability_2": "0.100000",
    }  # fmt: skip
    assert {name for name, cell in second.items() if cell} == {"path", "problem"}
    assert second["problem"] == PROBLEM.problem


def test_json_lines_have_the_same() -> None:
    """Each line is an object; null stands where there is no answer, or no problem."""
    rows = JsonFormat()
    first, second = (json.loads(rows.line(answer)) for answer in (SURE, PROBLEM))
    assert first == {
        "path": "a.jpg", "predicted": "dog", "confidence": 0.876543, "sure": True, "problem": None,
        "top": [{"class": "dog", "probability": 0.876543}, {"class": "a, b", "probability": 0.1}],
    }  # fmt: skip
    assert second == {
        "path": "b.jpg", "predicted": None, "confidence": None, "sure": None,
        "problem": PROBLEM.problem, "top": [],
    }  # fmt: skip


@pytest.mark.parametrize("rows", [CsvFormat(1), JsonFormat()])
def test_names_of_any_letters_come_back(rows: RowFormat[PhotoAnswer]) -> None:
    """Quotes, commas, line ends and other letters in a name change neither row nor name."""
    top = (ClassProbability(ODD, 0.5),)
    answers = [
        PhotoAnswer(path=ODD, problem="x"),
        PhotoAnswer(path="a.jpg", predicted=ODD, confidence=0.5, top=top),
    ]
    text = rows.header + "".join(rows.line(answer) for answer in answers)
    read = list(rows.read(io.StringIO(text, newline="\n")))
    assert read == [WrittenRow(ODD, "x"), WrittenRow("a.jpg", "")]


def test_pandas_reads_the_same_rows() -> None:
    """A carriage return in a name ends no row for another reader."""
    rows = CsvFormat(2)
    text = rows.header + rows.line(PhotoAnswer(path="a\rb.jpg", problem="x")) + rows.line(SURE)
    assert pd.read_csv(io.StringIO(text))["path"].tolist() == ["a\rb.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (CsvFormat(2), CsvFormat(1).header),
        (CsvFormat(1), CsvFormat(1).header + "a,b\n"),
        (CsvFormat(1), 'path,"\n'),
        (CsvFormat(1), ""),
        (JsonFormat(), '{"path": "a"}\n'),
        (JsonFormat(), "a.jpg,dog\n"),
    ],
)
def test_rows_of_others_are_refused(rows: RowFormat[PhotoAnswer], text: str) -> None:
    """Other columns, other cells and other objects are a ValueError, never half read."""
    with pytest.raises(ValueError, match=r"\w"):
        list(rows.read(io.StringIO(text)))


def test_a_line_for_people() -> None:
    """The line names the classes with their probabilities, doubt and problems."""
    assert text_of(SURE) == "a.jpg: dog 87.7%, a, b 10.0%"
    unsure = PhotoAnswer(path="a.jpg", predicted="dog", confidence=0.9, sure=False, top=TOP)
    assert text_of(unsure) == "a.jpg: dog 87.7%, a, b 10.0% (not sure)"
    none = PhotoAnswer(path="a.jpg", predicted="none of these", confidence=0.9, top=TOP)
    assert text_of(none) == "a.jpg: none of these, dog 87.7%, a, b 10.0%"
    assert text_of(PROBLEM) == "b.jpg: truncated: ends, too soon"
