"""Columns of a table that people write, found by their names, whatever parts its cells."""

import csv
from collections.abc import Mapping
from pathlib import Path

from stages.base.errors import UserError
from stages.base.plural import join_names
from stages.labels.csv_table import CsvTable, parse_table, read_text
from stages.labels.label_text import clean_label

_DELIMITERS = (",", ";", "\t", "|")


def read_path_column(file: Path, column: str) -> list[str]:
    """Return the cells of a column, in the order of the table.

    UserError where the table cannot be read, or has no such column, or several.
    """
    table = open_table(file, {"--column": column})
    at = table.positions(column)[0]
    return [record.cells[at] if at < len(record.cells) else "" for record in table.records[1:]]


def open_table(file: Path, columns: Mapping[str, str]) -> CsvTable:
    """Return a table with some columns, each under the option by which people name it.

    UserError where the table cannot be read, or has not each of the columns once.
    """
    text = read_text(file)
    header = next((line for line in text.splitlines() if line.strip()), "")
    names = {delimiter: _header_names(header, delimiter) for delimiter in _DELIMITERS}
    wanted = {clean_label(column).casefold() for column in columns.values()}
    found = max(
        names, key=lambda delimiter: (len(wanted & set(names[delimiter])), len(names[delimiter]))
    )
    table = parse_table(file, text, found)
    for option, column in columns.items():
        if table.absent([column]):
            raise UserError(
                f"{file}: no single column {column!r} in its header ({join_names(names[found])}); "
                f"name the column: {option} NAME"
            )
    return table


def _header_names(line: str, delimiter: str) -> list[str]:
    """Return the names in a header, as they are compared."""
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [clean_label(cell).casefold() for cell in cells]
