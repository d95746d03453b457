"""The outcomes of a past run, checked."""

import pytest

from stages.compare.past_outcomes import read_outcomes

HEADER = b"path,actual,predicted,p_predicted,loss\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing there"),
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"path,actual\na,b\n", "lacks the column predicted"),
        (b"../../outcomes.csv", "lacks the column path, actual, predicted"),
        (b'a,"b\nc', "cannot be read"),
    ],
)
def test_outcomes_that_cannot_serve(content: bytes | None, words: str) -> None:
    """Missing, empty, broken or incomplete outcomes are None, with the reason."""
    table, problems = read_outcomes(content)
    assert table is None
    (problem,) = problems
    assert words in problem


def test_outcomes_from_before_a_column() -> None:
    """The first columns are enough to compare errors; the others are named as missing."""
    table, problems = read_outcomes(b"path,actual,predicted,loss\nNA,007,007,0.5\n")
    assert problems == ["is from before it had the column p_predicted: compared without"]
    assert table is not None
    assert table.loc["NA", "actual"] == "007"
    assert table.loc["NA", "loss"] == 0.5


def test_a_path_counts_once() -> None:
    """Of two rows with the same path the first counts, which is noted; rows stand by path."""
    table, problems = read_outcomes(HEADER + b"b,x,x,1,0\na,x,y,1,0\nb,x,y,1,0\n")
    assert problems == ["names 1 of its photos twice: the first row of each counts"]
    assert table is not None
    assert table["predicted"].to_dict() == {"a": "y", "b": "x"}


@pytest.mark.parametrize("value", ["nan", "", "text", "inf", "-0.1", "1.5", "1e999"])
def test_what_is_no_number_costs_its_column_only(value: str) -> None:
    """NaN, text or what lies out of range is named with its photo, and the verdict goes on."""
    table, problems = read_outcomes(HEADER + f"a,x,x,0.5,0.1\nb,x,y,{value},0.2\n".encode())
    assert table is not None
    assert list(table.columns) == ["actual", "predicted", "loss"]
    (problem,) = problems
    assert problem.startswith(f"has {value!r} in the column p_predicted of b, which is no prob")


def test_a_loss_may_be_large_but_not_negative() -> None:
    """Both columns are checked, each by its own range."""
    table, problems = read_outcomes(HEADER + b"a,x,x,1,87.3\nb,x,y,0,1000\n")
    assert problems == []
    assert table is not None
    assert table["loss"].tolist() == [87.3, 1000.0]
    _, problems = read_outcomes(HEADER + b"a,x,x,2,-1\n")
    assert [problem.split(" of ")[0] for problem in problems] == [
        "has '-1' in the column loss",
        "has '2' in the column p_predicted",
    ]
