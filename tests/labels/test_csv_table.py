"""A table is read with its columns by name, whatever a spreadsheet did to it."""

import os
from pathlib import Path
from threading import Thread

import pytest

from stages.base.errors import UserError
from stages.labels.csv_table import CsvTable, parse_table, read_table, read_text


def table(text: str, delimiter: str = ",") -> CsvTable:
    """Return the table in a text."""
    return parse_table(Path("t.csv"), text, delimiter)


def test_rows_come_with_the_cells_that_are_asked_for() -> None:
    """Short rows are filled up, so that every column is there, and blank ones are skipped."""
    rows, problems = table("\na,b,c\n1\n ,,\n4,5,6\n").rows(["a", "c"])
    assert [(row.line, dict(row.cells)) for row in rows] == [
        (3, {"a": "1", "c": ""}),
        (5, {"a": "4", "c": "6"}),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("header", "column", "positions"),
    [
        ("path,label", "label", [1]),
        ("Path,LABEL", "label", [1]),
        ("label,Label", "label", [0]),
        ("Label,LABEL", "label", [0, 1]),
        ("label,label", "label", [0, 1]),
        (" my\u00a0label\u200b ,path", "my label", [0]),
        ("path,class", "label", []),
    ],
)
def test_a_column_is_found_in_its_own_case_or_else_in_another(
    header: str, column: str, positions: list[int]
) -> None:
    """Case, spaces and invisible characters of a name do not matter while one column has it."""
    assert table(header).positions(column) == positions


def test_what_is_absent_is_said() -> None:
    """The first column that is not there, or there twice, is named."""
    assert table("a,b,b").absent(["a"]) == ""
    assert table("a,b,b").absent(["a", "c", "d"]) == "no column named 'c' in its header"
    assert table("a,b,b").absent(["b"]) == "two columns named 'b' in its header"
    assert table("a,A,x").absent(["a", "x"]) == ""
    assert table("B,B").absent(["b"]) == "two columns named 'b' in its header"
    assert table("").absent(["a"]) == "no column named 'a' in its header"


def test_the_line_that_excel_writes_for_itself_is_skipped() -> None:
    """After sep=; the header follows, and lines are counted from the first."""
    rows, _ = table("sep=;\r\na;b\r\n1;2\r\n", ";").rows(["a"])
    assert [(row.line, row.cells["a"]) for row in rows] == [(3, "1")]


def test_columns_that_spaces_align_are_read() -> None:
    """Several spaces are one delimiter where single ones would make too many cells."""
    rows, problems = table("path    label\na.jpg   cat\nbb.jpg  dog\n", " ").rows(["path", "label"])
    assert [tuple(row.cells.values()) for row in rows] == [("a.jpg", "cat"), ("bb.jpg", "dog")]
    assert problems == []
    rows, _ = table("path label side\na.jpg  train\n", " ").rows(["label", "side"])
    assert [tuple(row.cells.values()) for row in rows] == [("", "train")]


def test_a_row_that_is_too_long_leaves_the_empty_cells_of_others() -> None:
    """One unquoted label of two words does not shift the cells of a row whose label is empty."""
    text = 'path label side\na.jpg "" train\nb.jpg golden retriever train\nc.jpg cat valid\n'
    rows, problems = table(text, " ").rows(["path", "label", "side"])
    cells = [tuple(row.cells.values()) for row in rows]
    assert cells == [("a.jpg", "", "train"), ("c.jpg", "cat", "valid")]
    assert [problem.path for problem in problems] == ["b.jpg"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14\x00", "a workbook of Excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a workbook of Excel"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x1f\x8b\x08\x00", "a compressed file"),
        (b'{"file_name": "a.jpg", "label": 0}\n', "JSON, not CSV"),
        (b'\n [{"path": "a.jpg"}]', "JSON, not CSV"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    """What is no CSV, whatever its name, is refused with what it is and how to save it."""
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(UserError, match=f"labels.csv is {words}.*; save") as caught:
        read_text(tmp_path / "labels.csv")
    assert len(caught.value.lines) == 1


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    """What cannot be read at all is one line with the reason."""
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_table(tmp_path, ",")


def test_a_nul_byte_is_named_with_its_line(tmp_path: Path) -> None:
    """A NUL in a cell is valid UTF-8, so that saving the file anew would not mend it."""
    file = tmp_path / "labels.csv"
    file.write_bytes(b"path,label\na.jpg,c\0t\n")
    with pytest.raises(
        UserError, match=r"labels\.csv, line 2: a NUL byte \(\\0\) stands in a cell"
    ):
        read_text(file)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe in the place of a table is refused by name; a folder too, in the system's words."""
    pipe = tmp_path / "labels.csv"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=[b"path,label\n"])  # ends whoever waits
    writer.start()
    try:
        with pytest.raises(UserError, match=r"labels\.csv is a pipe, a socket or a device"):
            read_text(pipe)
    finally:
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        writer.join()
        os.close(reader)
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
