"""Group columns: columns of a table whose values may each be one object, person or scene.

Photos of one object on both sides of a split make the error look better than it is. Whether a
column names objects, only a person knows; so it is a hint, and never set.
"""

import re
from collections.abc import Iterator, Sequence

from stages.base.echo import echo
from stages.labels.csv_table import CsvRow, CsvTable
from stages.labels.label_text import clean_label
from stages.labels.labels import LabelParams

_LEAST_GROUPS = 10  # fewer leave nothing to divide, as undeclared_groups.py has it too
_LEAST_NAMED = 2  # in a column whose name says that it holds objects, people or scenes
# In names of such columns, whole or as a part of a longer word: patient_id, PatientID, Produkte.
_GROUP_WORDS = re.compile(
    "patient|subject|person|people|donor|owner|identity|individual|animal|specimen|"
    "product|produkt|object|objekt|item|scene|szene|session|visit|series|serie|burst|site|"
    "location|place|camera|module|batch|lot|group|gruppe|family|slide|plot|tree|plant",
    re.IGNORECASE,
)
_EXAMPLES = 3


def group_hints(table: CsvTable, rule: LabelParams) -> Iterator[str]:
    """Yield a line for the first column, beside those of the rule, that may name groups.

    Its values repeat, and do not say the same as the label, as the number of a class does. At least
    10 are different, and they are no numbers, unless the name of the column is one of groups.
    """
    used = {rule.path_column, rule.label_column, rule.split_column}
    once = [name for name in table.header if name and table.header.count(name) == 1]
    others = [name for name in once if name not in used]
    rows, _ = table.rows([rule.path_column, rule.label_column, *others])
    for name in sorted(others, key=lambda name: not _GROUP_WORDS.search(name)):
        values = sorted({clean_label(row.cells[name]) for row in rows} - {""})
        if _may_be_groups(rows, name, rule.label_column, values):
            examples = ", ".join(map(echo, values[:_EXAMPLES]))
            examples += ", ..." if len(values) > _EXAMPLES else ""
            yield (
                f"datablock.split.group: {echo(name)} has {len(values):,} values in"
                f" {len(rows):,} rows ({examples}); if each is one object, person or scene,"
                f" ingest.label.group_column: {name} with datablock.split.group: column keeps it"
                " on one side (docs/splits.md, photos that belong together)"
            )
            return


def _may_be_groups(
    rows: Sequence[CsvRow], name: str, label_column: str, values: Sequence[str]
) -> bool:
    named = _GROUP_WORDS.search(name) is not None
    least = _LEAST_NAMED if named else _LEAST_GROUPS
    if not least <= len(values) <= len(rows) / 2:
        return False
    if not named and all(re.fullmatch(r"[-+\d.,eE]+", value) for value in values):
        return False
    pairs = {(row.cells[label_column], row.cells[name]) for row in rows}
    labels = {label for label, _ in pairs}
    return len(pairs) > len(labels)
