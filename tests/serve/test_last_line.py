"""The last line that a terminal would show, whatever a program prints in whatever pieces."""

import pytest

from stages.serve.last_line import LastLine


def lines_of(*pieces: bytes) -> LastLine:
    """Return what is known after some pieces of output."""
    lines = LastLine()
    for piece in pieces:
        lines.add(piece)
    return lines


def test_a_bar_shows_its_last_state() -> None:
    """After each return a bar draws its line anew; a part that is not whole yet counts too."""
    lines = lines_of(b"start\n\rpresize:  10%", b"\rpresize:  20%|##  |")
    assert lines.line == "presize:  20%|##  |"
    assert lines.tail == ["start"]


def test_the_stage_is_the_one_that_dvc_names() -> None:
    """DVC's line names the stage, in colours or not, until it names the next."""
    lines = lines_of(b"Running stage 'in", b"gest':\r\n> python -m stages.ingest\r\n")
    assert lines.stage == "ingest"
    lines.add(b"\x1b[32mRunning stage 'fine_tune'\x1b[0m:\n")
    assert lines.stage == "fine_tune"


@pytest.mark.parametrize(
    "escape", [b"\x1b[31m", b"\x1b[2K\x1b[1A", b"\x1b]0;title\x07", b"\x1b[?25l"]
)
def test_colours_and_titles_are_left_out(escape: bytes) -> None:
    """What acts on a terminal is no text."""
    assert lines_of(b"one" + escape + b" two\n").line == "one two"


def test_blank_lines_show_the_one_before() -> None:
    """An empty line, spaces and a lone escape leave what was there."""
    assert lines_of(b"done\n", b"\n", b"  \r\n", b"\x1b[0m").line == "done"


def test_letters_in_two_pieces_are_whole() -> None:
    """A character of several bytes may come in parts; bytes that are none are replaced."""
    assert lines_of("größe".encode()[:3], "größe".encode()[3:]).line == "größe"
    assert lines_of(b"a\xffb\n").line == "a\ufffdb"


def test_a_flood_takes_no_memory() -> None:
    """A line without an end keeps its last part, a shown line 200 characters, the tail 12 lines."""
    lines = lines_of(*([b"x" * 5000] * 50))
    assert len(lines.line) == 200
    assert len(lines._pending) <= 10_000
    lines.add(b"".join(b"\nline %d" % number for number in range(50)) + b"\n")
    assert lines.tail[-1] == "line 49"
    assert len(lines.tail) == 12
