"""Stored arrays: what is picked is what the array would give, and it alone is in memory."""

from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pytest

from stages.base import stored_array
from stages.base.errors import UserError
from stages.base.seed import derive
from stages.base.stored_array import file_state, row_blocks, store_rows
from tests.mapped_files import mapped_files
from tests.measured_memory import measured_memory


@pytest.mark.parametrize("values_at_once", [7, 2**21])
def test_what_is_picked_is_what_the_array_gives(
    values_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows by slices, numbers and bools, of these again some, and columns: as with numpy."""
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", values_at_once)
    array = derive(1, "stored").random((20, 6), dtype=np.float32)
    odd = np.arange(20) % 2 == 1
    numbers = np.array([3, 1, 3])
    with TemporaryFile() as file:
        file.write(b"before")
        stored = store_rows(file, [array[:3], array[3:3], array[3:]])
        behind = store_rows(file, [np.arange(4)[:, None]])
        assert np.asarray(behind).tolist() == [[0], [1], [2], [3]]
        right = stored.with_columns(slice(3, None))
        for picked, expected in (
            (stored, array),
            (stored[odd], array[odd]),
            (stored[odd][numbers], array[odd][numbers]),
            (stored[::4], array[::4]),
            (right[odd][2:5], array[odd, 3:][2:5]),
            (right.with_columns(slice(1))[numbers], array[numbers, 3:4]),
            (stored[:0], array[:0]),
        ):
            assert picked.shape == expected.shape
            assert (len(picked), picked.size) == (len(expected), expected.size)
            assert np.array_equal(np.asarray(picked), expected)
            assert np.asarray(picked).dtype == np.float32
        assert np.asarray(right, np.float64).dtype == np.float64


def test_a_file_is_mapped_no_longer_than_it_is_read(tmp_path: Path) -> None:
    """A file with a name, such as predictions that the next run replaces, is free at once."""
    file = tmp_path / "rows"
    array = derive(1, "stored").random((20, 6))
    file.write_bytes(array.tobytes())
    with file.open("rb") as opened:
        state = file_state(opened)
        mapped = np.memmap(opened, array.dtype, "r", 0, array.shape)
    assert mapped_files(tmp_path) == [str(file)]
    del mapped
    stored = stored_array.stored_array(file, 0, array.dtype, (20, 6), state)
    assert np.array_equal(np.asarray(stored[::3]), array[::3])
    assert mapped_files(tmp_path) == []


def test_no_blocks_are_an_array_without_rows() -> None:
    """Where nothing is computed there is an empty array."""
    with TemporaryFile() as file:
        assert np.asarray(store_rows(file, [])).shape == (0, 0)


def test_a_temporary_file_that_was_cut_is_an_error() -> None:
    """What is no longer in the file is not read; the error says which file that was."""
    with TemporaryFile() as file:
        stored = store_rows(file, [np.zeros((9, 3))])
        file.truncate(10)
        with pytest.raises(UserError, match="the stage's temporary file changed while it was read"):
            np.asarray(stored)


def test_what_is_read_alone_is_in_memory(tmp_path: Path) -> None:
    """Of 80 MB of which 1,000 rows are read, memory holds these rows, and no map of the others."""
    with (tmp_path / "file").open("w+b") as file:
        with measured_memory() as memory:
            stored = store_rows(file, (np.full((100, 100), number) for number in range(1000)))
            assert np.asarray(stored[::100])[:, 0].tolist() == list(range(1000))
        assert mapped_files(tmp_path) == []
    assert memory.peak < 4e6


def test_a_column_maps_no_more_than_a_block_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page has values of all columns, so that of few columns too the whole rows count."""
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 70)
    read: list[int] = []
    with (tmp_path / "file").open("w+b") as file:
        stored = store_rows(file, [np.arange(101 * 7).reshape(101, 7)]).with_columns(slice(2, 3))
        row_blocks_of = stored_array.row_blocks

        def counted(array: stored_array.Rows, width: int = 0) -> list[slice]:
            blocks = row_blocks_of(array, width)
            read.append(len(blocks))
            return blocks

        monkeypatch.setattr(stored_array, "row_blocks", counted)
        assert np.asarray(stored)[:, 0].tolist() == list(range(2, 101 * 7, 7))
    assert read == [11]


def test_blocks_are_of_about_the_same_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """No block has more values than there may be, counted of the longer rows; none is much less."""
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 70)
    rows = np.arange(101 * 7).reshape(101, 7)
    for width, most in ((0, 10), (3, 10), (14, 5)):
        blocks = [rows[block] for block in row_blocks(rows, width)]
        assert np.array_equal(np.concatenate(blocks), rows)
        assert {len(block) for block in blocks} <= {most, most - 1}
    assert [rows[block].tolist() for block in row_blocks(rows[:0])] == [[]]
