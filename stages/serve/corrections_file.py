"""corrections.csv while people review: a decision changes the rows of its photo and no other byte.

The file may be changed by hand in between, in an editor or by git. A decision names the content on
which it rests, and where the file has another, it is refused with what the file says now.
"""

import io
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stages.base.files import sha256_bytes, write_bytes
from stages.labels.corrections import CORRECTION_COLUMNS, read_corrections_table
from stages.labels.csv_match import match_rows
from stages.labels.csv_table import CsvTable
from stages.labels.label_text import clean_label
from stages.page.review import Correction

_MOST_TEXT = 10_000  # characters of a cell


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DecidedRow(_Strict):
    """A row of corrections.csv, as the page writes it."""

    path: str = Field(max_length=_MOST_TEXT)
    sha256: str = Field(max_length=_MOST_TEXT)
    action: str = Field(max_length=_MOST_TEXT)
    label: str = Field(max_length=_MOST_TEXT)
    note: str = Field(max_length=_MOST_TEXT)


class PhotoDecision(_Strict):
    """The rows that a photo is to have: one, or none where a decision is taken back."""

    path: str = Field(min_length=1, max_length=_MOST_TEXT)
    file_sha256: str  # of the file as the page knows it
    rows: list[DecidedRow] = Field(max_length=20)


@dataclass(frozen=True, kw_only=True)
class CorrectionsState:
    """What the file says now."""

    sha256: str
    rows: list[Correction]  # paths as the photos are called


class ChangedElsewhereError(Exception):
    """The file is not the one on which a decision rests; nothing was written."""

    def __init__(self, state: CorrectionsState) -> None:
        """Take what the file says now."""
        super().__init__("the file was changed elsewhere")
        self.state = state


def read_state(
    file: Path, photos: AbstractSet[str], shown: Iterable[Correction]
) -> CorrectionsState:
    """Return the rows of the file; UserError when it is no table of corrections.

    photos: the paths that the page knows. shown: the rows that the page has, with their problems.
    """
    content = file.read_bytes()
    table = read_corrections_table(file)
    problems = {_cells(row): row["problem"] for row in shown}
    rows = []
    for _, cells in _rows_by_line(table, photos):
        row = Correction(
            path=cells[0],
            sha256=cells[1],
            action=cells[2],
            label=cells[3],
            note=cells[4],
            problem=problems.get(cells, ""),
        )
        rows.append(row)
    return CorrectionsState(sha256=sha256_bytes(content), rows=rows)


def save_decision(
    file: Path, decision: PhotoDecision, photos: AbstractSet[str]
) -> CorrectionsState:
    """Write the rows of a photo in the place of those that it has; return what the file says then.

    Raises ChangedElsewhereError where the file is another, UserError when it cannot be read or
    written.
    """
    content = file.read_bytes()
    table = read_corrections_table(file)
    if sha256_bytes(content) != decision.file_sha256:
        raise ChangedElsewhereError(read_state(file, photos, ()))
    known = photos | {decision.path}
    old = [line for line, cells in _rows_by_line(table, known) if cells[0] == decision.path]
    text = with_rows(table, old, [_cells(row.model_dump()) for row in decision.rows])
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    # Reading took a moment, in which an editor may have saved.
    if sha256_bytes(file.read_bytes()) != decision.file_sha256:
        raise ChangedElsewhereError(read_state(file, photos, ()))
    write_bytes(file, mark + text.encode(encoding), durable=True)
    return read_state(file, photos, ())


def with_rows(table: CsvTable, old: Sequence[int], rows: Sequence[Sequence[str]]) -> str:
    """Return the text of a table without the records at some lines, with rows in their place.

    rows: cells by CORRECTION_COLUMNS; without an old record they come last. Other columns stay
    empty in them.
    """
    lines = list(io.StringIO(table.text, newline=""))
    end_of_line = "\r\n" if lines[0].endswith("\r\n") else "\n"
    if not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end_of_line
    starts = [record.line for record in table.records]
    new = "".join(_line(table, cells) + end_of_line for cells in rows)
    for start in sorted(old, reverse=True):
        end = min((line for line in starts if line > start), default=len(lines) + 1)
        while not lines[end - 2].strip():  # blank lines behind a record are not of it
            end -= 1
        lines[start - 1 : end - 1] = [new] if start == min(old) else []
    return "".join(lines) + ("" if old else new)


def _line(table: CsvTable, cells: Sequence[str]) -> str:
    """Return a record with these cells in the columns of a table."""
    places = {
        table.positions(name)[0]: cell for name, cell in zip(CORRECTION_COLUMNS, cells, strict=True)
    }
    return table.delimiter.join(
        _quoted(places.get(at, ""), table.delimiter) for at in range(len(table.header))
    )


def _quoted(cell: str, delimiter: str) -> str:
    """Return a cell, in quotes where a reader may need them, its text unchanged."""
    if cell != cell.strip() or any(sign in cell for sign in ('"', "\r", "\n", delimiter)):
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'
    return cell


def _rows_by_line(table: CsvTable, photos: AbstractSet[str]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the line and the cells of each row, its path as the photo is called, if one is."""
    rows, _ = table.rows(CORRECTION_COLUMNS)
    matched = match_rows(rows, "path", sorted(photos), renamed=False)
    named = {row.line: path for path, same in matched.by_path.items() for row in same}
    return [
        (
            row.line,
            (
                named.get(row.line, row.cells["path"]),
                row.cells["sha256"],
                # In the page's spelling, by which its script knows it.
                clean_label(row.cells["action"].replace("_", " ")).casefold(),
                row.cells["label"],
                row.cells["note"],
            ),
        )
        for row in rows
    ]


def _cells(row: Any) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in CORRECTION_COLUMNS)
