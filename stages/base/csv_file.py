"""CSV files of tables: text stays as it is, and the same table is the same bytes."""

import csv
from pathlib import Path
from typing import IO, BinaryIO, Literal

import pandas as pd

from stages.base.files import write_bytes

# Text in tables is Python's own, as it is where pyarrow is not installed. With pyarrow, which
# mlflow and others bring, pandas would keep it in Arrow's arrays, to which less can be added.
pd.set_option("mode.string_storage", "python")

_Quoting = Literal[0, 2]  # csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC
_ROWS_AT_ONCE = 10_000  # as text, which takes up to 1 kB a row while it is made


def write_csv(path: Path | str, table: pd.DataFrame) -> None:
    """Write a table without its row index; floats keep the digits that bring them back exactly."""

    def write(file: BinaryIO) -> None:
        if _write_rows(file, table, csv.QUOTE_MINIMAL):
            return
        file.seek(0)
        file.truncate()
        _write_rows(file, table, csv.QUOTE_NONNUMERIC)

    write_bytes(path, write)


def _write_rows(file: BinaryIO, table: pd.DataFrame, quoting: _Quoting) -> bool:
    """Write the header and all rows, some at a time; return whether no cell needs other quotes.

    Python before 3.13 does not quote a carriage return, and other readers end a line there.
    """
    for start in range(0, max(1, len(table)), _ROWS_AT_ONCE):
        rows = table[start : start + _ROWS_AT_ONCE]
        text = rows.to_csv(index=False, header=not start, lineterminator="\n", quoting=quoting)
        if "\r" in text and quoting == csv.QUOTE_MINIMAL:
            return False
        file.write(text.encode("utf-8"))
    return True


def read_text_csv(source: Path | IO[bytes], columns: list[str] | None = None) -> pd.DataFrame:
    """Return a CSV, or these columns of it, whose cells stay text, as they stand in the file.

    A label may be NA or 007, and a file name may contain a carriage return: no cell becomes a
    missing value or a number, and a line ends at a line feed alone, as `write_csv` writes it.
    Raises FileNotFoundError, and for what is no CSV a ValueError (pandas' EmptyDataError and
    ParserError, UnicodeDecodeError); ParserError too where rows are longer than the header.
    """
    table = pd.read_csv(source, dtype=str, na_filter=False, lineterminator="\n", usecols=columns)
    # pandas makes the first cells an index, so that each other cell is in the column before its own
    if not isinstance(table.index, pd.RangeIndex):
        raise pd.errors.ParserError(
            f"row 1 has more cells than the {len(table.columns)} columns of the header"
        )
    return table
