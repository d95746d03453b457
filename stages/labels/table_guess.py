"""Table guess: the columns of a table that may say the classes, each as a proposal.

A column that stands out is the one proposal; otherwise each whose values repeat is one, the best
first. What params.yaml names, of the columns that the table has, is taken as it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from pydantic import ValidationError

from stages.base.echo import echo
from stages.base.errors import UserError
from stages.base.plural import count_noun, join_names
from stages.labels.csv_shape import CsvShape, find_shape
from stages.labels.csv_table import CsvTable, parse_table
from stages.labels.group_columns import group_hints
from stages.labels.label_csv import labels_of_table
from stages.labels.labels import LabelParams
from stages.labels.name_patterns import are_classes
from stages.labels.proposal import Proposal, changed_rule

_LEAST_SHARE = 0.1  # a table may be about a part of the photos
_MOST_COLUMNS = 5  # that are proposed; any other by its name in params.yaml


def table_guesses(
    paths: Sequence[str], table: CsvTable, present: LabelParams
) -> Iterator[Proposal | str]:
    """Yield the proposals of a table, or why it makes none."""
    shape = find_shape(table, paths, present.path_column)
    if shape is None:
        yield f"{table.file}: no column of it names these photos"
        return
    if not shape.header:
        header = echo(shape.needed_header(present))
        yield f"{table.file} has no header; put one at its top, such as {header}"
        return
    try:
        read = parse_table(table.file, table.text, shape.delimiter)
    except UserError as error:
        yield f"{table.file}: {str(error).splitlines()[0]}"
        return
    columns = _label_columns(shape, read, present)
    found = [_of_column(paths, read, shape, at, place, present) for place, at in enumerate(columns)]
    proposals = [one for one in found if isinstance(one, Proposal)]
    yield from proposals or found
    if not columns:
        yield _without_label(read, shape)


def hints_of_table(table: CsvTable, proposal: Proposal) -> Iterator[str]:
    """Yield the hints about columns of a table that may be groups, for labels from elsewhere."""
    labels = proposal.labels.labels
    shape = find_shape(table, list(labels), proposal.rule.path_column)
    if shape is None or not shape.header:
        return
    if not shape.name(shape.path):  # params.yaml could not name the column
        return
    # `table_guesses` has said why it cannot be read.
    with suppress(UserError, ValidationError):
        rule = changed_rule(
            proposal.rule,
            csv=table.file.as_posix(),
            path_column=shape.name(shape.path),
            split_column="" if shape.split is None else shape.name(shape.split),
            delimiter=shape.delimiter,
        )
        read = parse_table(table.file, table.text, shape.delimiter)
        yield from group_hints(read, rule, labels)


def _label_columns(shape: CsvShape, table: CsvTable, present: LabelParams) -> list[int]:
    """Return the columns to propose: what stands out or may be labels, and what params name."""
    found: list[int] = []
    if shape.label is not None:
        found = [shape.label]
    elif not shape.class_for_each_column:
        group = _one_named(table, present.group_column, ())
        found = [at for at in shape.label_columns if at != group][:_MOST_COLUMNS]
    named = [at for at in table.positions(present.label_column) if at != shape.path]
    return list(dict.fromkeys([*found, *named]))


def _of_column(
    paths: Sequence[str],
    table: CsvTable,
    shape: CsvShape,
    label: int,
    place: int,
    present: LabelParams,
) -> Proposal | str:
    """Return the proposal of a column of labels, or why it makes none."""
    used = (shape.path, label)
    split = _one_named(table, present.split_column, used)
    if split is None and shape.split not in used:
        split = shape.split
    group = _one_named(table, present.group_column, (*used, split))
    try:
        rule = changed_rule(
            present,
            by="csv",
            csv=table.file.as_posix(),
            path_column=shape.name(shape.path),
            label_column=shape.name(label),
            split_column="" if split is None else shape.name(split),
            group_column="" if group is None else shape.name(group),
            delimiter=shape.delimiter,
        )
        labels = labels_of_table(table, rule, paths)
    except (UserError, ValueError) as error:
        return f"{table.file}: {str(error).splitlines()[0]}"
    share = len(labels.labels) / len(paths)
    if share < _LEAST_SHARE or not are_classes(labels.labels):
        count = count_noun(len(set(labels.labels.values())), "class", "classes")
        told = f"{count} for {count_noun(len(labels.labels), 'photo')}"
        return f"{table.file}: its column {echo(rule.label_column)} would give {told}"
    hints = () if group is not None else tuple(group_hints(table, rule))
    return Proposal(
        way="csv", rule=rule, split="hash", labels=labels, share=share, place=place, doubts=hints
    )


def _one_named(table: CsvTable, name: str, used: Sequence[int | None]) -> int | None:
    """Return the column that a param names; None where the table has none, or uses it already."""
    places = table.positions(name) if name else []
    return places[0] if len(places) == 1 and places[0] not in used else None


def _without_label(table: CsvTable, shape: CsvShape) -> str:
    """Return what to do where no column of a table can be that of the labels."""
    if shape.class_for_each_column:
        return f"{table.file} has a column for each class; write their names into one, label"
    names = join_names([echo(shape.name(at)) for at in shape.others])
    return (
        f"{table.file}: set ingest.label.label_column in params.yaml to the column of the labels,"
        f" one of {names}, and start again"
    )
