"""Stored array: an array in a file, of which only what is asked for is in memory.

The file is mapped for each block of rows anew, since pages that stay mapped count as memory of the
process.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import DTypeLike

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
            for block in row_blocks(self):
                mapped = np.memmap(self.file, self.dtype, "r", self.offset, self.stored_shape)
                values[block] = mapped[self.rows[block], columns]
        return values


Rows = np.ndarray | StoredArray


def store_rows(file: IO[bytes], blocks: Iterable[np.ndarray]) -> StoredArray:
    """Write blocks of rows (n, C), all of one type, to the end of a file; return them all."""
    offset = file.seek(0, 2)
    block = np.zeros((0, 0), np.float32)  # where there is none
    count = 0
    for block in blocks:
        file.write(np.ascontiguousarray(block).data)
        count += len(block)
    file.flush()
    return stored_array(file, offset, block.dtype, (count, block.shape[1]))


def stored_array(
    file: Path | IO[bytes], offset: int, dtype: np.dtype, shape: tuple[int, int]
) -> StoredArray:
    """Return all rows of an array in a file."""
    rows, columns = shape
    return StoredArray(
        file=file,
        offset=offset,
        dtype=dtype,
        stored_shape=shape,
        rows=np.arange(rows),
        columns=range(columns),
    )


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
