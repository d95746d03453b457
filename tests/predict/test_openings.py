"""Every opening is a line, and no line is lost in silence."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.predict.openings import Opening, append_opening, next_number, opening_note

FILE = "reports/test/openings.csv"
OPENING = Opening("c" * 40, "p" * 64, "m" * 64, "t" * 64, 300, 12, 0.04, 0.023, 0.0685)


def test_lines_are_added_and_stay(tmp_path: Path) -> None:
    """A first opening writes the header, each later one adds a line behind those that are there."""
    file = tmp_path / "test" / "openings.csv"
    append_opening(file, None, OPENING)
    one = file.read_bytes()
    assert next_number(one, None, FILE) == 2
    append_opening(file, one, OPENING._replace(errors=13))
    two = file.read_bytes()
    assert two.startswith(one)
    assert two.decode().splitlines()[2].split(",")[5] == "13"
    assert next_number(two, one, FILE) == 3


def test_a_missing_line_end_joins_no_lines(tmp_path: Path) -> None:
    """What an editor left without a line end keeps its own line."""
    file = tmp_path / "openings.csv"
    append_opening(file, None, OPENING)
    append_opening(file, file.read_bytes().rstrip(b"\n"), OPENING)
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.parametrize("present", [None, b"", b"commit,params\n"])
def test_lost_openings_are_refused(tmp_path: Path, present: bytes | None) -> None:
    """Where git has openings that the file lacks, the error says how to bring them back."""
    file = tmp_path / "openings.csv"
    append_opening(file, None, OPENING)
    with pytest.raises(UserError, match=r"git restore reports/test/openings\.csv"):
        next_number(present, file.read_bytes(), FILE)


def test_another_header_is_refused() -> None:
    """A file that is no list of openings is refused rather than counted."""
    with pytest.raises(UserError, match="begins with another line"):
        next_number(b"a,b\n1,2\n", None, FILE)


def test_the_note_says_what_the_figure_is_worth() -> None:
    """The first is of a set that nobody looked at, each later one is not, whatever its number."""
    assert next_number(None, None, FILE) == 1
    assert opening_note(1) == "first opening; nobody looked at these images before"
    assert opening_note(2).startswith("second opening; the figure is no longer")
    assert opening_note(7).startswith("7th opening")
