"""CSV tables that people write, in whatever quoting, encoding and line ends they come.

Read with the csv module rather than with pandas: it knows the line of each row, which the
messages need, and takes nothing for a missing value.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from stages.base.errors import UserError
from stages.base.file_names import refuse_locale
from stages.labels.label_text import clean_label
from stages.labels.problem import Problem

# Characters of a cell: far above the csv module's 131,072, since people export polygons and texts
# beside a label, and small enough for a C long of any system.
_MAX_CELL = 2**31 - 1
_OTHER_FORMATS = {
    b"PK\x03\x04": "a workbook of Excel or another archive",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
}


class CsvRecord(NamedTuple):
    """The cells of a line, or of several where a quoted cell goes on; its first line number."""

    line: int
    cells: list[str]


class CsvRow(NamedTuple):
    """A row below the header: its first line in the file, and its cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class CsvTable:
    """A table; its header is its first line that is not blank."""

    file: Path
    text: str
    delimiter: str
    header: list[str]
    records: list[CsvRecord]  # without the blank ones; the header is the first

    def positions(self, column: str) -> list[int]:
        """Return which columns have a name, in the same case, or in another if none has."""
        wanted = clean_label(column)
        exact = [at for at, name in enumerate(self.header) if name == wanted]
        folded = (at for at, name in enumerate(self.header) if name.casefold() == wanted.casefold())
        return exact or list(folded)

    def absent(self, columns: Sequence[str]) -> str:
        """Return what is wrong with the first of the columns that is not there once, or ""."""
        for column in columns:
            if (count := len(self.positions(column))) != 1:
                return f"{'two columns' if count else 'no column'} named {column!r} in its header"
        return ""

    def rows(self, columns: Sequence[str]) -> tuple[list[CsvRow], list[Problem]]:
        """Return the cells of some columns, "" where a row is short; a problem for overlong rows.

        The columns must be there, the first of them that of the path.
        """
        places = {column: self.positions(column)[0] for column in columns}
        width = len(self.header)
        rows = []
        problems = []
        for line, cells in self.records[1:]:
            if any(cell.strip() for cell in cells[width:]):
                path = cells[places[columns[0]]]
                count = f"{len(cells)} cells under {width} columns"
                detail = f"line {line}: {count}; put a cell that holds {self.delimiter} in quotes"
                problems.append(Problem(path, "malformed row", detail))
            else:
                filled = cells + [""] * width
                rows.append(CsvRow(line, {name: filled[at] for name, at in places.items()}))
        return rows, problems


def read_table(file: Path, delimiter: str) -> CsvTable:
    """Return the table in a file; UserError when its encoding or its quoting cannot be read."""
    return parse_table(file, read_text(file), delimiter)


def parse_table(file: Path, text: str, delimiter: str) -> CsvTable:
    """Return the table in the text of a file; UserError when its quoting cannot be read."""
    records = list(_records(file, text, delimiter))
    if delimiter == " ":
        records = _without_alignment(records)
    header = [clean_label(name) for name in records[0].cells] if records else [""]
    return CsvTable(file, text, delimiter, header, records)


def _without_alignment(records: list[CsvRecord]) -> list[CsvRecord]:
    """Return the records of a table whose columns several spaces align, with as many cells each.

    A table in which only some rows fit then is not aligned, and an empty cell in it is a cell.
    """
    filled = [CsvRecord(line, [cell for cell in cells if cell]) for line, cells in records]
    return filled if len({len(record.cells) for record in filled}) == 1 else records


def _records(file: Path, text: str, delimiter: str) -> Iterator[CsvRecord]:
    """Yield every record that has a cell with something in it, from the header on."""
    stream = io.StringIO(text, newline="")
    line = 1
    if text.startswith("sep=") and not text[5:6].strip():  # a line that Excel writes for itself
        stream.readline()
        line = 2
    skipped = line - 1
    csv.field_size_limit(_MAX_CELL)
    # A space after the delimiter would else prevent a quoted cell from being read as quoted.
    reader = csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=delimiter != " ")
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield CsvRecord(line, cells)
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise UserError(
            f"{file}, line {line}: {error}; a quote that opens a cell must also close it,"
            ' and a quote inside is written ""'
        ) from None


def read_text(file: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark."""
    refuse_locale(str(file))
    try:
        if not S_ISREG(file.stat().st_mode) and not file.is_dir():  # a pipe is waited for
            raise UserError(f"{file} is a pipe, a socket or a device; save the table in a file")
        content = file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file} is missing; a file with only its header will do") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    for start, what in _OTHER_FORMATS.items():
        if content.startswith(start):
            raise UserError(f"{file} is {what}; save the table as CSV (in Excel: CSV UTF-8)")
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_utf8(file, content[: error.start].decode(encoding, "ignore")) from None
    if "\0" in text:
        before = text.partition("\0")[0]
        if 4 * text.count("\0") > len(text):  # UTF-16 without its mark, or no text at all
            raise _not_utf8(file, before)
        line = before.count("\n") + 1
        raise UserError(f"{file}, line {line}: a NUL byte (\\0) stands in a cell; remove it")
    if text.lstrip()[:1] in ("{", "["):
        raise UserError(f"{file} is JSON, not CSV; save it as a table with a line for each photo")
    return text


def _not_utf8(file: Path, before: str) -> UserError:
    line = before.count("\n") + 1
    return UserError(
        f"{file}, line {line}: not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)"
    )
