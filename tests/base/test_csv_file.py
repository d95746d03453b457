"""CSV files keep text as it stands, and the same table is the same bytes."""

import csv
import io
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.base import csv_file
from stages.base.csv_file import read_text_csv, write_csv
from tests.measured_memory import measured_memory


def test_text_is_kept_alike_with_pyarrow_and_without() -> None:
    """A column of text is Python's own, so that it adds to one without a single value."""
    text = pd.Series(["a", "b"], dtype="str")
    assert isinstance(text.dtype, pd.StringDtype)
    assert text.dtype.storage == "python"
    assert (text + text[:0].map("{}".format).reindex([0, 1], fill_value="c")).tolist() == [
        "ac",
        "bc",
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_survive_csv(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    """Every float that goes into a CSV comes back exactly."""
    path = tmp_path_factory.getbasetemp() / "floats.csv"
    write_csv(path, pd.DataFrame({"x": values}))
    back = pd.read_csv(path)["x"]
    assert back.astype(float).tolist() == values


def test_csv_has_no_index_and_quotes_what_needs_it(tmp_path: Path) -> None:
    """A name with comma, quote or line break survives; there is no column of row numbers."""
    names = ["a,b.jpg", 'say "c".jpg', "new\nline.jpg", "", "ü 字.jpg"]
    write_csv(tmp_path / "t.csv", pd.DataFrame({"path": names}))
    content = (tmp_path / "t.csv").read_bytes()
    assert content.startswith(b"path\n")
    assert b"\r" not in content
    assert pd.read_csv(tmp_path / "t.csv", keep_default_na=False)["path"].tolist() == names


@pytest.mark.parametrize(
    "names", [["a.jpg", "b,c.jpg", "d.jpg"], ["a.jpg", "old\rmac.jpg", "c"], []]
)
def test_pieces_are_the_bytes_of_the_whole(
    tmp_path: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are written two at a time are the text that pandas makes of all at once."""
    monkeypatch.setattr(csv_file, "_ROWS_AT_ONCE", 2)
    table = pd.DataFrame({"path": names, "p": np.linspace(0, 1, len(names))})
    write_csv(tmp_path / "t.csv", table)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if "\r" in "".join(names) else csv.QUOTE_MINIMAL
    whole = table.to_csv(index=False, lineterminator="\n", quoting=quoting)
    assert (tmp_path / "t.csv").read_bytes() == whole.encode()


def test_a_table_is_written_with_the_memory_of_a_piece(tmp_path: Path) -> None:
    """Of 100,000 rows of 60 characters the text is never in memory whole."""
    table = pd.DataFrame({"path": ["a" * 60] * 100_000})
    with measured_memory() as memory:
        write_csv(tmp_path / "t.csv", table)
    assert memory.peak < 5e6


def read_back(tmp_path: Path, content: bytes) -> pd.DataFrame:
    """Return the table in a CSV of these bytes."""
    (tmp_path / "t.csv").write_bytes(content)
    return read_text_csv(tmp_path / "t.csv")


def test_every_reader_of_csv_sees_a_carriage_return_inside_its_cell(tmp_path: Path) -> None:
    """Python's csv module and our own reader give the same cells back, numbers as they were."""
    table = pd.DataFrame({"path": ["old\rmac.jpg", "b,c.jpg"], "p": [0.1, 1e-7]})
    write_csv(tmp_path / "t.csv", table)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["path", "p"], ["old\rmac.jpg", "0.1"], ["b,c.jpg", "1e-07"]]
    assert read_text_csv(tmp_path / "t.csv").to_numpy().tolist() == rows[1:]


def test_cells_of_a_text_csv_stay_as_they_stand(tmp_path: Path) -> None:
    """Neither NA, nor leading zeros, nor empty cells, nor numbers become anything but text."""
    cells = ["NA", "", "007", "1.50", "nan", "True", " a ", "1e3", "None"]
    table = read_back(tmp_path, ("label,x\n" + "".join(f"{cell},1\n" for cell in cells)).encode())
    assert table["label"].tolist() == cells
    assert table["x"].tolist() == ["1"] * len(cells)
    assert not table.isna().any().any()


def test_a_text_csv_has_lines_that_end_at_a_line_feed_alone(tmp_path: Path) -> None:
    """A carriage return within a name is a character like any other, quoted or not."""
    table = read_back(tmp_path, b'path,label\na\rb.jpg,x\n"c\nd.jpg",y\n')
    assert table["path"].tolist() == ["a\rb.jpg", "c\nd.jpg"]


def test_a_written_table_of_text_comes_back(tmp_path: Path) -> None:
    """What write_csv writes of text is what read_text_csv reads, whatever the names."""
    names = ["a,b.jpg", 'say "c".jpg', "new\nline.jpg", "cr\rlf\r\n.jpg", "", "NA", "ü 字.jpg"]
    table = pd.DataFrame({"path": names, "label": names[::-1]}, dtype="str")
    write_csv(tmp_path / "t.csv", table)
    pd.testing.assert_frame_equal(read_text_csv(tmp_path / "t.csv"), table)


def test_a_text_csv_may_be_an_open_file(tmp_path: Path) -> None:
    """Bytes in memory are read as a file is; a header alone is a table without rows."""
    table = read_text_csv(io.BytesIO(b"path,label\n"))
    assert list(table.columns) == ["path", "label"]
    assert table.empty


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n1,2,3\n", b"a\n\xff\xfe\n"])
def test_what_is_no_csv_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    """An empty file, a row with too many cells and bytes that are no UTF-8 raise a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message is that of pandas
        read_back(tmp_path, content)


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2,3\n4,5,6\n", b"a,b\n1,2,\n", b"a,b\n1,2,3,4\n", b"a,b\n1,2,3\n4,5\n"]
)
def test_rows_longer_than_the_header_are_refused(tmp_path: Path, content: bytes) -> None:
    """Where rows have more cells than the header, no cell slips into another column."""
    with pytest.raises(pd.errors.ParserError, match="row 1 has more cells than the 2 columns"):
        read_back(tmp_path, content)


def test_a_text_csv_that_is_missing_is_named(tmp_path: Path) -> None:
    """A file that is not there is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        read_text_csv(tmp_path / "none.csv")
