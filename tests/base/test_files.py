"""Files are whole or absent, and the same content is the same bytes."""

import csv
import io
import json
import math
import os
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.base.files import (
    read_text_csv,
    sha256_bytes,
    write_bytes,
    write_csv,
    write_json,
    write_npz,
    write_text,
)
from tests.bounded_memory import bounded_memory


def test_folders_are_created_and_no_partial_file_stays(tmp_path: Path) -> None:
    """Writing makes the folders above the file and leaves no partial file beside it."""
    target = tmp_path / "a" / "b" / "c.bin"
    write_bytes(target, b"one")
    write_bytes(str(target), b"two")
    assert target.read_bytes() == b"two"
    assert list(target.parent.iterdir()) == [target]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    """While a file is rewritten over and over, each read gets one version in full."""
    target = tmp_path / "file"
    contents = [bytes([i]) * 300_000 for i in range(2)]
    write_bytes(target, contents[0])
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            for content in contents:
                write_bytes(target, content)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            assert target.read_bytes() in contents
    finally:
        stop.set()
        writer.join()


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the way of a folder gives one line that names the target, and no partial file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/below cannot be written: "):
        write_bytes(tmp_path / "file" / "below", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder cannot be written"):
        write_bytes(tmp_path / "folder", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A value that cannot be written leaves the old content in place."""
    target = tmp_path / "value.json"
    write_json(target, {"a": 1})
    for bad in (math.nan, math.inf, object()):
        with pytest.raises((ValueError, TypeError)):
            write_json(target, {"a": bad})
    assert json.loads(target.read_text()) == {"a": 1}


def test_text_has_unix_line_ends(tmp_path: Path) -> None:
    """Text is UTF-8 with plain line feeds on every system."""
    write_text(tmp_path / "t", "ä\n字\n")
    assert (tmp_path / "t").read_bytes() == "ä\n字\n".encode()


def test_json_has_the_order_and_letters_that_it_was_given(tmp_path: Path) -> None:
    """JSON is readable: its order is the caller's, letters are not escaped, it ends a line."""
    write_json(tmp_path / "j", {"z": "Ä", "a": [1, 2.5]})
    text = (tmp_path / "j").read_text(encoding="utf-8")
    assert text.index('"z"') < text.index('"a"')
    assert "Ä" in text
    assert text.endswith("}\n")


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


def test_npz_bytes_do_not_depend_on_the_clock(tmp_path: Path) -> None:
    """The same arrays give the same bytes at another time, and come back with their types."""
    arrays = {"p": np.arange(6, dtype=np.float32).reshape(2, 3), "name": np.array(["ä", "b"])}
    write_npz(tmp_path / "a.npz", arrays)
    time.sleep(0.01)
    os.utime(tmp_path)
    write_npz(tmp_path / "b.npz", dict(arrays))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as back:
        for name, array in arrays.items():
            assert back[name].dtype == array.dtype
            np.testing.assert_array_equal(back[name], array)


def test_npz_bytes_do_not_depend_on_the_python(tmp_path: Path) -> None:
    """The bytes are those that other versions of Python and zlib write."""
    write_npz(tmp_path / "a.npz", {"p": np.arange(6, dtype=np.float32).reshape(2, 3)})
    content = (tmp_path / "a.npz").read_bytes()
    assert sha256_bytes(content).startswith("b3d2688df76dd5d3")


def test_npz_is_written_without_a_copy(tmp_path: Path) -> None:
    """An array goes to the file in pieces of 16 MiB, however large it is."""
    array = np.zeros((20, 2**20))
    with bounded_memory(2.5 * 2**24):
        write_npz(tmp_path / "a.npz", {"a": array})
    assert (tmp_path / "a.npz").stat().st_size > array.nbytes


def test_npz_refuses_objects(tmp_path: Path) -> None:
    """What only pickle could hold is refused, since loading it could run code."""
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        write_npz(tmp_path / "o.npz", {"o": np.array([{}], dtype=object)})
    assert not (tmp_path / "o.npz").exists()


def test_sha256_is_the_standard_one() -> None:
    """The hash of nothing and of abc are those of FIPS 180-4."""
    assert sha256_bytes(b"").startswith("e3b0c44298fc1c14")
    assert sha256_bytes(b"abc").startswith("ba7816bf8f01cfea")


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
