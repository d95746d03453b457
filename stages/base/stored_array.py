"""Stored array: an array in a file, of which only what is asked for is in memory.

The file is mapped for each block of rows anew, since pages that stay mapped count as memory of the
process. A file that has a name may be replaced meanwhile, which is an error, not other numbers.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import DTypeLike

from stages.base.errors import RUN_AGAIN, UserError
from stages.base.system_errors import unreadable, unwritable

_BLOCK_VALUES = 2**20  # of which at most five copies in float64 are in memory at once: 40 MB


@dataclass(frozen=True, kw_only=True)
class StoredArray:
    """Rows of an array (N, C) in a file; indexing picks some without reading, np.asarray reads."""

    file: Path | IO[bytes]
    offset: int  # of the first value, in bytes
    dtype: np.dtype
    stored_shape: tuple[int, int]  # of all that is stored, row by row
    rows: np.ndarray  # (N,) int, which of them these are
    columns: range
    state: tuple[int, ...] = ()  # of a file that has a name, when it was opened: see `file_state`

    @property
    def shape(self) -> tuple[int, int]:
        """Return (N, C)."""
        return len(self.rows), len(self.columns)

    @property
    def size(self) -> int:
        """Return the number of values."""
        return len(self.rows) * len(self.columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __getitem__(self, rows: slice | np.ndarray) -> "StoredArray":
        """Return some rows, by a slice, their numbers, or (N,) bool."""
        return replace(self, rows=self.rows[rows])

    def with_columns(self, columns: slice) -> "StoredArray":
        """Return some columns of all rows."""
        return replace(self, columns=self.columns[columns])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Return the values, read from the file."""
        values = np.empty(self.shape, dtype or self.dtype)
        if values.size:
            columns = slice(self.columns.start, self.columns.stop)
            try:
                # By whole rows: of a few columns too, all pages of the rows are mapped.
                for block in row_blocks(self, self.stored_shape[1]):
                    with self._opened() as file:
                        values[block] = self._mapped(file)[self.rows[block], columns]
            except OSError as error:  # which would be taken for one of a file that is written
                raise unreadable(self._name, error) from None
        return values

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Open the file, or refuse one that is no longer the one that was opened first."""
        if not isinstance(self.file, Path):
            yield self.file
            return
        with self.file.open("rb") as file:
            if file_state(file) != self.state:
                raise self._changed()
            yield file

    def _mapped(self, file: IO[bytes]) -> np.ndarray:
        try:
            return np.memmap(file, self.dtype, "r", self.offset, self.stored_shape)
        except ValueError:  # it is shorter
            raise self._changed() from None

    def _changed(self) -> UserError:
        return UserError(f"{self._name} changed while it was read; {RUN_AGAIN}")

    @property
    def _name(self) -> str:
        return str(self.file) if isinstance(self.file, Path) else "the stage's temporary file"


Rows = np.ndarray | StoredArray


@dataclass(frozen=True)
class RowsFile:
    """A file for arrays of rows that memory might not hold, one behind the other."""

    file: IO[bytes]
    name: str  # in an error, since the file may have none

    def store(self, blocks: Iterable[np.ndarray]) -> StoredArray:
        """Write blocks of rows (n, C), all of one type, to the end of the file; return them all."""
        return store_rows(self.file, blocks, self.name)


@contextmanager
def rows_file(folder: Path) -> Iterator[RowsFile]:
    """Open a file without a name in a folder, for arrays that memory might not hold."""
    file = TemporaryFile(dir=folder)  # noqa: SIM115  # closed below
    try:
        yield RowsFile(file, f"the stage's temporary file in {folder}")
    finally:
        with suppress(OSError):  # what could not be written is an error already
            file.close()


def store_rows(
    file: IO[bytes], blocks: Iterable[np.ndarray], name: str = "a temporary file"
) -> StoredArray:
    """Write blocks of rows (n, C), all of one type, to the end of a file; return them all.

    name: of the file, in the UserError that says that it cannot be written.
    """
    offset = file.seek(0, 2)
    block = np.zeros((0, 0), np.float32)  # where there is none
    count = 0
    for block in blocks:
        try:
            file.write(np.ascontiguousarray(block).data)
            file.flush()
        except OSError as error:
            raise unwritable(name, error) from None
        count += len(block)
    return stored_array(file, offset, block.dtype, (count, block.shape[1]))


def stored_array(
    file: Path | IO[bytes],
    offset: int,
    dtype: np.dtype,
    shape: tuple[int, int],
    state: tuple[int, ...] = (),
) -> StoredArray:
    """Return all rows of an array in a file; state: of one that has a name."""
    rows, columns = shape
    return StoredArray(
        file=file,
        offset=offset,
        dtype=dtype,
        stored_shape=shape,
        rows=np.arange(rows),
        columns=range(columns),
        state=state,
    )


def file_state(file: IO[bytes]) -> tuple[int, ...]:
    """Return size, time of change (ns) and number of an open file, by which another one is seen."""
    about = os.fstat(file.fileno())
    return about.st_size, about.st_mtime_ns, about.st_ino


def row_blocks(array: Rows, width: int = 0) -> list[slice]:
    """Return slices that divide the rows (N, C) into blocks of some millions of values.

    What is computed of one block after another takes 40 MB at any N. Blocks are of about the same
    size, so that none is so small that rows of bce sum to one by chance. width: of the rows that
    are computed, where they are longer than C.
    """
    values = len(array) * max(array.shape[1], width)
    count = max(1, -(-values // _BLOCK_VALUES))
    ends = np.linspace(0, len(array), count + 1).astype(int).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]
