"""Failures of a kind become one error that lists them."""

from stages.base.errors import UserError, error_list


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
