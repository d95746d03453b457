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
from stages.dataset.labels import Labelled, LabelParams, Problem, clean_label

SIDES = ("train", "valid")


class Row(NamedTuple):
    """A row below the header: its first line in the file, and its cells by column."""

    line: int
    cells: Mapping[str, str]


def read_labels_csv(file: Path, params: LabelParams, paths: Sequence[str]) -> Labelled:
    """Match the rows of a CSV with the photos; labels only when params.by is csv.

    Raises UserError when the file cannot be read as a whole: encoding, header, quoting.
    """
    label_column = params.label_column if params.by == "csv" else ""
    columns = [c for c in (params.path_column, label_column, params.split_column) if c]
    hint = "see path_column, label_column, split_column and delimiter of ingest.label"
    rows, problems = read_csv_rows(file, params.delimiter, columns, hint)
    found, strays = match_rows(rows, params.path_column, paths)
    problems += strays
    labels, unlabelled = _labels(found, label_column) if label_column else ({}, [])
    splits, doubtful = _splits(found, params.split_column) if params.split_column else ({}, [])
    without = [Problem(p, "photo without row", "no row names it") for p in paths if p not in found]
    (unlabelled if label_column else problems).extend(without)
    merged = sum(len(r) - 1 for p, r in found.items() if p in labels or not label_column)
    return Labelled(labels, unlabelled, splits, problems + doubtful, merged)


def read_csv_rows(
    file: Path, delimiter: str, columns: Sequence[str], hint: str
) -> tuple[list[Row], list[Problem]]:
    """Return the rows of a CSV file, short ones filled with "", and a problem for each overlong.

    Blank lines are skipped. Raises UserError when a column is missing (with the hint).
    """
    lines = _records(file, delimiter)
    header = [clean_label(name) for name in next(lines, (0, [""]))[1]]
    for column in columns:
        if header.count(column) != 1:
            kind = "two columns" if column in header else "no column"
            read = delimiter.join(header)
            raise UserError(f"{file}: {kind} named {column!r} in its header ({read!r}); {hint}")
    rows, problems = [], []
    for line, cells in lines:
        if any(cell.strip() for cell in cells[len(header) :]):
            path = dict(zip(header, cells, strict=False))[columns[0]]
            count = f"{len(cells)} cells under {len(header)} columns"
            detail = f"line {line}: {count}; put a cell that holds {delimiter} in quotes"
            problems.append(Problem(path, "malformed row", detail))
        elif any(cell.strip() for cell in cells):
            rows.append(Row(line, dict(zip(header, cells + [""] * len(header), strict=False))))
    return rows, problems


def match_rows(
    rows: Iterable[Row], column: str, paths: Sequence[str]
) -> tuple[dict[str, list[Row]], list[Problem]]:
    """Return the rows of each photo, and a problem for each row that names none.

    A row may write a path in another Unicode form than the disk, with ./ or with spaces around.
    """
    names = {unicodedata.normalize("NFC", path): path for path in paths} | {p: p for p in paths}
    found: dict[str, list[Row]] = {}
    strays = []
    for row in rows:
        written = row.cells[column]
        path = names.get(written) or names.get(PurePosixPath(clean_label(written)).as_posix())
        if path is not None:
            found.setdefault(path, []).append(row)
        else:
            strays.append(Problem(written, *_stray(row.line, written)))
    return found, strays


def _records(file: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line number and the cells of each record."""
    text = io.StringIO(_decode(file), newline="")
    # A space after the delimiter would else keep a quoted cell from being seen as quoted.
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
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8-sig"
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


def _stray(line: int, written: str) -> tuple[str, str]:
    """Return problem and detail for a row whose path is no photo's."""
    if not written.strip():
        return "empty path", f"line {line}"
    if re.match(r"\s*([/\\]|[A-Za-z]:[/\\])", written):
        return "absolute path", f"line {line}: paths are relative to ingest.images"
    if ".." in re.split(r"[/\\]", written.strip()):
        return "path leaves the folder", f"line {line}: .. is not allowed"
    slash = "; folders are parted by /" if "\\" in written else ""
    return "row without photo", f"line {line}: ingest.images has no such image{slash}"


def _labels(found: Mapping[str, list[Row]], column: str) -> tuple[dict[str, str], list[Problem]]:
    labels, problems = {}, []
    for path, rows in found.items():
        label, detail = _one_value(rows, column)
        if detail:
            problems.append(Problem(path, "conflicting labels", detail))
        elif not label:
            problems.append(Problem(path, "empty label", f"line {rows[0].line}"))
        else:
            labels[path] = label
    return labels, problems


def _splits(found: Mapping[str, list[Row]], column: str) -> tuple[dict[str, str], list[Problem]]:
    splits, problems = {}, []
    for path, rows in found.items():
        side, detail = _one_value(rows, column)
        if detail:
            problems.append(Problem(path, "conflicting splits", detail))
        elif side in SIDES:
            splits[path] = side
        elif side:
            detail = f"line {rows[0].line}: {side!r} is neither train nor valid"
            problems.append(Problem(path, "unknown split", detail))
    return splits, problems


def _one_value(rows: Sequence[Row], column: str) -> tuple[str, str]:
    """Return the value on which all rows agree, or "" and the values that they have instead."""
    values = {clean_label(row.cells[column]): row.line for row in reversed(rows)}
    if len(values) == 1:
        return next(iter(values)), ""
    return "", ", ".join(f"{v!r} (line {n})" for v, n in sorted(values.items(), key=lambda i: i[1]))
