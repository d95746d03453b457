"""Failures of a kind become one error that lists them."""

from pathlib import Path

from stages.base.errors import RUN_AGAIN, UserError, error_list


def test_few_lines_are_all_listed() -> None:
    """Up to twenty lines all stand under the headline, indented."""
    lines = [f"{i}.jpg" for i in range(20)]
    assert str(error_list("head", lines)).splitlines() == ["head", *(f"  {line}" for line in lines)]


def test_many_lines_are_counted() -> None:
    """Past twenty the rest is a number, and no failure is lost from the count."""
    text = str(error_list("head", [f"{i}.jpg" for i in range(57)])).splitlines()
    assert len(text) == 22
    assert text[-2:] == ["  19.jpg", "  ... and 37 more"]


def test_the_number_of_lines_can_be_chosen() -> None:
    """`shown` sets how many lines are listed before the rest is counted."""
    assert str(error_list("head", ["a", "b", "c"], shown=1)) == "head\n  a\n  ... and 2 more"


def test_no_lines_leave_the_headline() -> None:
    """Without a line to list the error is its headline, as a UserError."""
    error = error_list("head", [])
    assert isinstance(error, UserError)
    assert str(error) == "head"


def test_what_to_run_again_is_written_once() -> None:
    """Every module takes the words from here, so that all of them name both commands."""
    stages = Path(__file__).parents[2] / "stages"
    written = [
        path.relative_to(stages).as_posix()
        for path in stages.rglob("*.py")
        if "run `make repro`" in path.read_text("utf-8")
    ]
    assert written == ["base/errors.py"]
    assert RUN_AGAIN == "run `make repro` or your command again"
