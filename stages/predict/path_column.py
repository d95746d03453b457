"""The column of paths in a table that people write, whatever parts its cells."""

import csv
from pathlib import Path

from stages.base.errors import UserError
from stages.base.plural import join_names
from stages.labels.csv_table import parse_table, read_text
from stages.labels.label_text import clean_label

_DELIMITERS = (",", ";", "\t", "|")


def read_path_column(file: Path, column: str) -> list[str]:
    """Return the cells of a column, in the order of the table.

    UserError where the table cannot be read, or has no such column, or several.
    """
    text = read_text(file)
    header = next((line for line in text.splitlines() if line.strip()), "")
    names = {delimiter: _header_names(header, delimiter) for delimiter in _DELIMITERS}
    wanted = clean_label(column).casefold()
    fitting = [delimiter for delimiter in _DELIMITERS if wanted in names[delimiter]]
    table = parse_table(file, text, fitting[0]) if fitting else None
    if table is None or table.absent([column]):
        found = join_names(max(names.values(), key=len))
        raise UserError(
            f"{file}: no single column {column!r} in its header ({found}); name the column that "
            "holds the paths: --column NAME"
        )
    at = table.positions(column)[0]
    return [record.cells[at] if at < len(record.cells) else "" for record in table.records[1:]]


def _header_names(line: str, delimiter: str) -> list[str]:
    """Return the names in a header, as they are compared."""
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [clean_label(cell).casefold() for cell in cells]
