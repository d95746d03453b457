"""Files of arrays: the same bytes everywhere, and no second copy of a large one in memory."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.npz_file import open_npz, read_npz, write_npz
from tests.measured_memory import measured_memory


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
    with measured_memory() as memory:
        write_npz(tmp_path / "a.npz", {"a": array})
    assert memory.peak < 2.5 * 2**24
    assert (tmp_path / "a.npz").stat().st_size > array.nbytes


def test_npz_refuses_objects(tmp_path: Path) -> None:
    """What only pickle could hold is refused, since loading it could run code."""
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        write_npz(tmp_path / "o.npz", {"o": np.array([{}], dtype=object)})
    assert not (tmp_path / "o.npz").exists()


def test_arrays_that_stay_in_the_file_are_written_and_read_piece_by_piece(tmp_path: Path) -> None:
    """The bytes are those of the array in memory, and of 80 MB a block at a time is read."""
    array = np.arange(20 * 2**20, dtype=np.float32).reshape(-1, 80)
    write_npz(tmp_path / "a.npz", {"one": np.zeros(3), "a": array})
    with measured_memory() as memory:
        arrays = open_npz(tmp_path / "a.npz", stored=["a"])
        write_npz(tmp_path / "b.npz", arrays)
        assert np.array_equal(np.asarray(arrays["a"][1::1000]), array[1::1000])
    assert memory.peak < 20e6
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert np.array_equal(read_npz(tmp_path / "b.npz")["a"], array)


def test_a_file_that_is_replaced_or_cut_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    """Other numbers are never taken for those of the file that was opened, of whatever length."""
    path = tmp_path / "a.npz"
    for values, seen in ((np.ones((9, 3)), np.s_[:]), (np.zeros((2, 3)), np.s_[:1])):
        write_npz(path, {"a": np.zeros((9, 3))})
        array = open_npz(path, stored=["a"])["a"]
        write_npz(path, {"a": values})
        with pytest.raises(UserError, match=r"a\.npz changed while it was read; run "):
            np.asarray(array[seen])
    write_npz(path, {"a": np.zeros((9, 3))})
    array = open_npz(path, stored=["a"])["a"]
    os.truncate(path, 200)
    with pytest.raises(
        UserError, match=r"a\.npz changed while it was read; run `make repro` or your command again"
    ):
        np.asarray(array)


def test_a_source_that_cannot_be_read_is_not_taken_for_the_file_that_is_written(
    tmp_path: Path,
) -> None:
    """Where the file of a stored array is gone, the error of writing it elsewhere names it."""
    write_npz(tmp_path / "a.npz", {"a": np.zeros((9, 3))})
    arrays = open_npz(tmp_path / "a.npz", stored=["a"])
    (tmp_path / "a.npz").unlink()
    with pytest.raises(
        UserError, match=r"a\.npz cannot be read: .+; run `make repro` or your command again"
    ):
        write_npz(tmp_path / "b.npz", arrays)
    assert list(tmp_path.glob("*.npz")) == []


def test_only_rows_may_stay_in_the_file(tmp_path: Path) -> None:
    """Where an array is compressed, by columns or no table, the file is refused."""
    for array in (np.zeros(3), np.asfortranarray(np.eye(3))):
        np.savez(tmp_path / "a.npz", a=array)
        with pytest.raises(UserError, match=r"a\.npz is damaged or not \.npz"):
            open_npz(tmp_path / "a.npz", stored=["a"])
    np.savez_compressed(tmp_path / "a.npz", a=np.eye(3))
    with pytest.raises(UserError, match=r"a\.npz is damaged or not \.npz; dvc repro makes it anew"):
        open_npz(tmp_path / "a.npz", stored=["a"])
