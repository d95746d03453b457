"""Files of arrays (.npz): the same arrays are the same bytes, and large ones may stay there."""

import zipfile
import zlib
from collections.abc import Container, Mapping
from pathlib import Path
from struct import unpack
from typing import IO, BinaryIO

import numpy as np

from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.base.stored_array import Rows, StoredArray, file_state, row_blocks, stored_array

# The end of the fixed header of a zip's member: the lengths of what else stands before its bytes.
_LENGTHS = slice(26, 30)
_PIECE = 2**20  # bytes that are read at once


def write_npz(path: Path | str, arrays: Mapping[str, Rows]) -> None:
    """Write named arrays so that the same arrays are the same bytes, with any Python and zlib.

    numpy's own writer gives other headers under Python 3.11.2 than under 3.11.7, and deflate gives
    other bytes with another zlib; so members are stored uncompressed. They go to the file piece by
    piece, so that no second copy of an array is in memory.
    """

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                about = zipfile.ZipInfo(f"{name}.npy")
                # Nearly: the header depends on whether it is large.
                about.file_size = array.size * array.dtype.itemsize
                with archive.open(about, "w") as member:
                    _write_array(member, array)

    write_bytes(path, write)


def _write_array(file: IO[bytes], array: Rows) -> None:
    if not isinstance(array, StoredArray):
        np.lib.format.write_array(file, array, allow_pickle=False)
        return
    descr = np.lib.format.dtype_to_descr(array.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for rows in row_blocks(array):
        file.write(np.asarray(array[rows]).data)


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """Return the arrays that `write_npz` wrote; a UserError names a missing or damaged file."""
    return {name: np.asarray(array) for name, array in open_npz(path).items()}


def open_npz(path: Path | str, stored: Container[str] = ()) -> dict[str, Rows]:
    """Return the same arrays, of which those of these names, (N, C), are left in the file."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {
                name: _left_in(Path(path), file, archive.zip, name)
                if name in stored
                else archive[name]
                for name in archive.files
            }
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro makes it") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, TypeError):
        raise UserError(f"{path} is damaged or not .npz; dvc repro makes it anew") from None


def _left_in(path: Path, file: BinaryIO, archive: zipfile.ZipFile, name: str) -> StoredArray:
    """Return an array that is left in the file, after one reading that compares its checksum."""
    about = archive.getinfo(f"{name}.npy")
    with archive.open(about) as member:
        np.lib.format.read_magic(member)
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
        if by_columns or len(shape) != 2 or about.compress_type != zipfile.ZIP_STORED:
            raise ValueError(name)
        start = member.tell()
        while member.read(_PIECE):
            pass
    file.seek(about.header_offset + _LENGTHS.start)
    offset = about.header_offset + _LENGTHS.stop + sum(unpack("<HH", file.read(4))) + start
    return stored_array(path, offset, dtype, shape, file_state(file))
