"""CSV files of tables: text stays as it is, and the same table is the same bytes."""

import csv
from pathlib import Path
from typing import IO

import pandas as pd

from stages.base.files import write_text


def write_csv(path: Path | str, table: pd.DataFrame) -> None:
    """Write a table without its row index; floats keep the digits that bring them back exactly."""
    text = table.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # Python before 3.13 does not quote it, and other readers end a line there
        text = table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    write_text(path, text)


def read_text_csv(source: Path | IO[bytes]) -> pd.DataFrame:
    """Return a CSV whose cells stay text, as they stand in the file.

    A label may be NA or 007, and a file name may contain a carriage return: no cell becomes a
    missing value or a number, and a line ends at a line feed alone, as `write_csv` writes it.
    Raises FileNotFoundError, and for what is no CSV a ValueError (pandas' EmptyDataError and
    ParserError, UnicodeDecodeError); ParserError too where rows are longer than the header.
    """
    table = pd.read_csv(source, dtype=str, na_filter=False, lineterminator="\n")
    # pandas makes the first cells an index, so that each other cell is in the column before its own
    if not isinstance(table.index, pd.RangeIndex):
        raise pd.errors.ParserError(
            f"row 1 has more cells than the {len(table.columns)} columns of the header"
        )
    return table
