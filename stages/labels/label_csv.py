"""Labels from a CSV: label, side of the split and group of each photo, by the path in its row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.base.echo import echo
from stages.base.plural import join_names
from stages.labels.csv_match import match_rows
from stages.labels.csv_shape import shape_error
from stages.labels.csv_table import CsvRow, CsvTable, read_table
from stages.labels.label_text import clean_label
from stages.labels.labels import LabelParams, PhotoLabels, cleaned_labels
from stages.labels.problem import Problem
from stages.labels.sides import Side, side_of_word

_SHOWN = 5  # values in a message

RowsByPath = Mapping[str, Sequence[CsvRow]]


def read_labels_csv(file: Path, params: LabelParams, paths: Sequence[str]) -> PhotoLabels:
    """Match the rows of a CSV with the photos; labels only when params.by is csv.

    Raises UserError when the file cannot be read as a whole: encoding, header, quoting.
    """
    return labels_of_table(read_table(file, params.delimiter), params, paths)


def labels_of_table(table: CsvTable, params: LabelParams, paths: Sequence[str]) -> PhotoLabels:
    """Match the rows of a table with the photos; UserError where its header lacks a column."""
    label_column = params.label_column if params.by == "csv" else ""
    split_column = params.split_column
    group_column = params.group_column
    named = (params.path_column, label_column, split_column, group_column)
    columns = [name for name in named if name]
    if table.absent(columns):
        raise shape_error(table, params, columns, paths)
    rows, problems = table.rows(columns)
    matched = match_rows(rows, params.path_column, paths)
    rows_by_path = matched.by_path
    problems += [problem for _, problem in matched.unmatched]
    problems += matched.adjusted
    by_rows = _labels(rows_by_path, label_column) if label_column else PhotoLabels()
    splits, no_split = _splits(rows_by_path, split_column) if split_column else ({}, [])
    groups, no_group = _photo_groups(rows_by_path, group_column) if group_column else ({}, [])
    no_row = [
        Problem(path, "photo without row", "no row names it")
        for path in paths
        if path not in rows_by_path
    ]
    merged_rows = sum(
        len(same_path) - 1
        for path, same_path in rows_by_path.items()
        if path in by_rows.labels or not label_column
    )
    return PhotoLabels(
        by_rows.labels,
        by_rows.unlabelled + (no_row if label_column else []),
        splits,
        [*problems, *([] if label_column else no_row), *no_split, *no_group],
        merged_rows,
        by_rows.written,
        groups,
    )


def _labels(rows_by_path: RowsByPath, column: str) -> PhotoLabels:
    """Return the label of each path, and a problem where the rows give none or several."""
    agreed = {}
    problems = []
    for path, rows in rows_by_path.items():
        label, conflict = _agreed_value(rows, column)
        if conflict:
            problems.append(Problem(path, "conflicting labels", conflict))
        elif not label:
            problems.append(Problem(path, "empty label", f"line {rows[0].line}"))
        else:
            agreed[path] = rows[0].cells[column]
    labels, written = cleaned_labels(agreed)
    return PhotoLabels(labels, problems, written=written)


def _splits(rows_by_path: RowsByPath, column: str) -> tuple[dict[str, Side], list[Problem]]:
    """Return the side of each path, and a problem where the rows give another word or several."""
    splits = {}
    problems = []
    for path, rows in rows_by_path.items():
        word, conflict = _agreed_value(rows, column)
        if conflict:
            problems.append(Problem(path, "conflicting splits", conflict))
        elif side := side_of_word(word):
            splits[path] = side
        elif word:
            detail = f"line {rows[0].line}: {echo(word)} is neither train, valid nor test"
            problems.append(Problem(path, "unknown split", detail))
    return splits, problems


def _photo_groups(rows_by_path: RowsByPath, column: str) -> tuple[dict[str, str], list[Problem]]:
    """Return the group of each path that has one, and a problem where the rows give several."""
    groups = {}
    problems = []
    for path, rows in rows_by_path.items():
        name, conflict = _agreed_value(rows, column)
        if conflict:
            problems.append(Problem(path, "conflicting groups", conflict))
        elif name:
            groups[path] = name
    return groups, problems


def _agreed_value(rows: Sequence[CsvRow], column: str) -> tuple[str, str]:
    """Return the value on which all rows agree, or "" and the values that they have instead."""
    first_line = {clean_label(row.cells[column]): row.line for row in reversed(rows)}
    if len(first_line) == 1:
        return next(iter(first_line)), ""
    by_line = sorted((line, value) for value, line in first_line.items())
    shown = [f"{echo(value)} (line {line})" for line, value in by_line]
    return "", join_names(shown, count=_SHOWN)
