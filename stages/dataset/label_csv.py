"""CSV files that people write: labels by path, in whatever quoting and encoding they come.

Read with the csv module rather than with pandas: it knows the line of each row, which the
messages need, and takes nothing for a missing value.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.base.errors import UserError
from stages.dataset.labels import LabelParams, PhotoLabels, Problem, clean_label
from stages.dataset.manifest import SIDES


class CsvRow(NamedTuple):
    """A row below the header: its first line in the file, and its cells by column."""

    line: int
    cells: Mapping[str, str]


RowsByPath = Mapping[str, Sequence[CsvRow]]


def read_labels_csv(file: Path, params: LabelParams, paths: Sequence[str]) -> PhotoLabels:
    """Match the rows of a CSV with the photos; labels only when params.by is csv.

    Raises UserError when the file cannot be read as a whole: encoding, header, quoting.
    """
    label_column = params.label_column if params.by == "csv" else ""
    split_column = params.split_column
    columns = [name for name in (params.path_column, label_column, split_column) if name]
    hint = "see path_column, label_column, split_column and delimiter of ingest.label"
    rows, problems = read_csv_rows(file, params.delimiter, columns, hint)
    rows_by_path, unmatched = match_rows(rows, params.path_column, paths)
    labels, unlabelled = _labels(rows_by_path, label_column) if label_column else ({}, [])
    splits, no_split = _splits(rows_by_path, split_column) if split_column else ({}, [])
    problems += unmatched
    no_row = [
        Problem(path, "photo without row", "no row names it")
        for path in paths
        if path not in rows_by_path
    ]
    if label_column:
        unlabelled += no_row
    else:
        problems += no_row
    merged_rows = sum(
        len(same_path) - 1
        for path, same_path in rows_by_path.items()
        if path in labels or not label_column
    )
    return PhotoLabels(labels, unlabelled, splits, problems + no_split, merged_rows)


def read_csv_rows(
    file: Path, delimiter: str, columns: Sequence[str], hint: str
) -> tuple[list[CsvRow], list[Problem]]:
    """Return the rows of a CSV file, short ones filled with "", and a problem for each overlong.

    Blank lines are skipped. Raises UserError when a column is missing (with the hint).
    """
    records = _records(file, delimiter)
    header = [clean_label(name) for name in next(records, (0, [""]))[1]]
    for column in columns:
        if header.count(column) != 1:
            kind = "two columns" if column in header else "no column"
            written = delimiter.join(header)
            raise UserError(f"{file}: {kind} named {column!r} in its header ({written!r}); {hint}")
    rows = []
    problems = []
    for line, cells in records:
        if any(cell.strip() for cell in cells[len(header) :]):
            path = dict(zip(header, cells, strict=False))[columns[0]]
            count = f"{len(cells)} cells under {len(header)} columns"
            detail = f"line {line}: {count}; put a cell that holds {delimiter} in quotes"
            problems.append(Problem(path, "malformed row", detail))
        elif any(cell.strip() for cell in cells):
            filled = cells + [""] * len(header)
            rows.append(CsvRow(line, dict(zip(header, filled, strict=False))))
    return rows, problems


def match_rows(
    rows: Iterable[CsvRow], column: str, paths: Sequence[str]
) -> tuple[dict[str, list[CsvRow]], list[Problem]]:
    """Return the rows of each photo, and a problem for each row that names none.

    A row may write a path in another Unicode form than the disk, with ./ or with spaces around.
    """
    # The exact path goes before one that is the same after composing.
    path_of = {unicodedata.normalize("NFC", path): path for path in paths}
    path_of.update((path, path) for path in paths)
    rows_by_path: dict[str, list[CsvRow]] = {}
    unmatched = []
    for row in rows:
        written = row.cells[column]
        path = path_of.get(written)
        if path is None:
            path = path_of.get(PurePosixPath(clean_label(written)).as_posix())
        if path is None:
            unmatched.append(_unmatched_problem(row.line, written))
        else:
            rows_by_path.setdefault(path, []).append(row)
    return rows_by_path, unmatched


def _records(file: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line number and the cells of each record."""
    text = io.StringIO(_decode(file), newline="")
    # A space after the delimiter would else prevent a quoted cell from being read as quoted.
    reader = csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=delimiter != " ")
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{file}, line {line}: {error}; a quote that opens a cell must also close it,"
            ' and a quote inside is written ""'
        ) from None


def _decode(file: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file} is missing; a file with only its header will do") from None
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_utf8(file, content[: error.start].decode(encoding, "ignore")) from None
    if "\0" in text:  # UTF-16 without its mark, or no text at all
        raise _not_utf8(file, text.partition("\0")[0])
    return text


def _not_utf8(file: Path, before: str) -> UserError:
    line = before.count("\n") + 1
    return UserError(
        f"{file}, line {line}: not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)"
    )


def _unmatched_problem(line: int, written: str) -> Problem:
    """Return why a row's path is no photo's."""
    if not written.strip():
        return Problem(written, "empty path", f"line {line}")
    if re.match(r"\s*([/\\]|[A-Za-z]:[/\\])", written):
        detail = f"line {line}: paths are relative to ingest.images"
        return Problem(written, "absolute path", detail)
    if ".." in re.split(r"[/\\]", written.strip()):
        return Problem(written, "path leaves the folder", f"line {line}: .. is not allowed")
    slash = "; folders are parted by /" if "\\" in written else ""
    detail = f"line {line}: ingest.images has no such image{slash}"
    return Problem(written, "row without photo", detail)


def _labels(rows_by_path: RowsByPath, column: str) -> tuple[dict[str, str], list[Problem]]:
    """Return the label of each path, and a problem where the rows give none or several."""
    labels = {}
    problems = []
    for path, rows in rows_by_path.items():
        label, conflict = _agreed_value(rows, column)
        if conflict:
            problems.append(Problem(path, "conflicting labels", conflict))
        elif not label:
            problems.append(Problem(path, "empty label", f"line {rows[0].line}"))
        else:
            labels[path] = label
    return labels, problems


def _splits(rows_by_path: RowsByPath, column: str) -> tuple[dict[str, str], list[Problem]]:
    """Return the side of each path, and a problem where the rows give another word or several."""
    splits = {}
    problems = []
    for path, rows in rows_by_path.items():
        side, conflict = _agreed_value(rows, column)
        if conflict:
            problems.append(Problem(path, "conflicting splits", conflict))
        elif side in SIDES:
            splits[path] = side
        elif side:
            detail = f"line {rows[0].line}: {side!r} is neither train nor valid"
            problems.append(Problem(path, "unknown split", detail))
    return splits, problems


def _agreed_value(rows: Sequence[CsvRow], column: str) -> tuple[str, str]:
    """Return the value on which all rows agree, or "" and the values that they have instead."""
    first_line = {clean_label(row.cells[column]): row.line for row in reversed(rows)}
    if len(first_line) == 1:
        return next(iter(first_line)), ""
    by_line = sorted((line, value) for value, line in first_line.items())
    return "", ", ".join(f"{value!r} (line {line})" for line, value in by_line)
