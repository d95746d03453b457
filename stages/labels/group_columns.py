"""Group columns: columns of a table whose values may each be one object, person or scene.

Photos of one object on both sides of a split make the error look better than it is. Whether a
column names objects, only a person knows; so it is a hint, and never set.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from stages.base.echo import echo
from stages.labels.csv_match import match_rows
from stages.labels.csv_table import CsvRow, CsvTable
from stages.labels.label_text import clean_label
from stages.labels.labels import LabelParams

LEAST_GROUPS = 10  # fewer leave nothing to divide, as undeclared_groups.py has it too
_LEAST_NAMED = 2  # in a column whose name says that it holds objects, people or scenes
# Whole words in names of such columns, one or several: patient_id, PatientIDs, Produkte.
_GROUP_WORDS = re.compile(
    "(patient|case|subject|person|people|donor|owner|identity|identities|individual|animal|specimen|"
    "product|produkte?|object|objekte?|item|scene|szenen?|session|visit|series|serien?|burst|site|"
    "location|place|camera|module|batch|batches|lot|group|gruppen?|family|families|slide|plot|tree|"
    "plant)s?"
)
# What beside such a word says that the column is of something else: age_group, street_type.
_OTHER_WORDS = frozenset(["age", "size", "blood", "risk", "price", "type", "kind", "class"])
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_EXAMPLES = 3


def group_hints(
    table: CsvTable, rule: LabelParams, labels: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield a line for each column, beside those of the rule, whose name says that it has groups.

    Its values repeat, and do not say the same as the label, as the number of a class does; those
    with ten or more values are first. Without such a name the first column is a hint of which at
    least 10 values are different, and no numbers.
    labels: by path, where they come from elsewhere than the table, which the rule names.
    """
    label_column = rule.label_column if labels is None else ""
    used = {rule.path_column, label_column, rule.split_column}
    once = [name for name in table.header if name and table.header.count(name) == 1]
    others = [name for name in once if name not in used]
    rows, _ = table.rows([rule.path_column, *filter(None, [label_column]), *others])
    if labels is None:
        row_labels = [row.cells[label_column] for row in rows]
    else:
        by_path = match_rows(rows, rule.path_column, list(labels)).by_path
        rows = [same_path[0] for same_path in by_path.values()]
        row_labels = [labels[path] for path in by_path]
    found = {}
    for name in others:
        values = sorted({clean_label(row.cells[name]) for row in rows} - {""})
        if _may_be_groups(rows, name, row_labels, values):
            found[name] = values
    named = [name for name in found if _names_groups(name)]
    for name in sorted(named, key=lambda name: len(found[name]) < LEAST_GROUPS) or [*found][:1]:
        yield _hint(name, found[name], len(rows), "" if labels is None else _table_params(rule))


def _table_params(rule: LabelParams) -> str:
    """Return the params by which a table is read that the labels do not come from."""
    return (
        f"; the table is read with ingest.label.csv: {rule.csv}, path_column: {rule.path_column}"
        f" and delimiter: {echo(rule.delimiter)}"
    )


def _hint(name: str, values: Sequence[str], rows: int, table: str) -> str:
    examples = ", ".join(map(echo, values[:_EXAMPLES]))
    examples += ", ..." if len(values) > _EXAMPLES else ""
    return (
        f"datablock.split.group: {echo(name)} has {len(values):,} values in"
        f" {rows:,} rows ({examples}); if each is one object, person or scene,"
        f" ingest.label.group_column: {name} with datablock.split.group: column keeps it"
        " on one side, unless folders or a column say the sides"
        f" (docs/splits.md, photos that belong together){table}"
    )


def _names_groups(name: str) -> bool:
    """Return whether a whole word of a column's name, split at camel case too, is one of groups.

    >>> [_names_groups(name) for name in ("PatientIDs", "case-no", "website", "age_group")]
    [True, True, False, False]
    """
    words = {word.casefold() for word in _WORD.findall(name)}
    grouping = any(_GROUP_WORDS.fullmatch(word) for word in words)
    return grouping and not words & _OTHER_WORDS


def _may_be_groups(
    rows: Sequence[CsvRow], name: str, row_labels: Sequence[str], values: Sequence[str]
) -> bool:
    named = _names_groups(name)
    least = _LEAST_NAMED if named else LEAST_GROUPS
    if not least <= len(values) <= len(rows) / 2:
        return False
    if not named and all(re.fullmatch(r"[-+\d.,eE]+", value) for value in values):
        return False
    pairs = {(label, row.cells[name]) for label, row in zip(row_labels, rows, strict=True)}
    return len(pairs) > len(set(row_labels))
