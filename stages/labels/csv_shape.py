"""The shape of a CSV: the delimiter and the columns that it really has, as params to set.

Nothing is guessed in silence: a table that the params do not describe is refused, and the error
shows what the file holds beside what the folder holds, and the params that would read it.
"""

import json
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import itemgetter

from stages.base.echo import echo
from stages.base.errors import UserError, error_list
from stages.labels.csv_table import CsvTable, parse_table
from stages.labels.label_text import clean_label
from stages.labels.labels import LabelParams
from stages.labels.name_patterns import says_nothing
from stages.labels.path_ways import loose_names
from stages.labels.sides import side_of_word

_DELIMITERS = (",", ";", "\t", "|", " ")
_SAMPLE = 1_000  # lines that are looked at
_PATH_WORDS = ("path", "file", "image", "img", "photo", "picture", "id")
_LABEL_WORDS = ("label", "class", "category", "target", "breed", "species", "diagnosis", "name")
# What YAML reads as text without quotes.
_PLAIN = re.compile(r"(?!(true|false|null|yes|no|on|off|y|n)$)[a-z_][\w-]*", re.IGNORECASE)
_YES_NO = {"0", "1", "0.0", "1.0"}


@dataclass(frozen=True, kw_only=True)
class CsvShape:
    """How a table can be read: what its columns hold, by position."""

    delimiter: str
    header: list[str]  # empty where the first line is a row already
    columns: list[list[str]]  # the cells below the header
    path: int
    label: int | None  # None where no column stands out
    label_columns: list[int]  # that may be labels, the best first
    split: int | None

    def name(self, column: int) -> str:
        """Return what a column is called."""
        return self.header[column] if self.header else f"column{column + 1}"

    @property
    def others(self) -> list[int]:
        """The columns that hold neither paths nor sides."""
        return [at for at in range(len(self.columns)) if at not in (self.path, self.split)]

    @property
    def class_for_each_column(self) -> bool:
        """Whether all other columns say yes or no, so that each stands for a class."""
        values = {cell.strip() for at in self.others for cell in self.columns[at]}
        return bool(values) and values <= _YES_NO

    def needed_header(self, params: LabelParams) -> str:
        """Return the line that is to stand at the top of a table without a header."""
        places = {
            self.split: params.split_column or "split",
            self.label: params.label_column,
            self.path: params.path_column,
        }
        names = (places.get(at, self.name(at)) for at in range(len(self.columns)))
        return self.delimiter.join(names)


def shape_error(
    table: CsvTable, params: LabelParams, columns: Sequence[str], photos: Sequence[str]
) -> UserError:
    """Return the error for a table without some of the columns: its content, and what to set."""
    lines = [line for line in table.text.splitlines() if line.strip()][:3]
    shown = [f"its lines: {', '.join(map(echo, lines))}" if lines else "it is empty"]
    if photos:
        shown.append(f"the photos: {', '.join(map(echo, photos[:3]))}")
    shape = find_shape(table, photos)
    remedies = _remedy(shape, params, columns) if shape else []
    if any(len(table.positions(name)) > 1 for name in columns):
        remedies = ["rename one of the two"]
    head = f"{table.file}: {table.absent(columns)}; see the columns and delimiter of ingest.label"
    return error_list(head, [*shown, *remedies])


def find_shape(table: CsvTable, photos: Iterable[str], path_column: str = "") -> CsvShape | None:
    """Return how the first lines of a table can be read, None when nothing shows it.

    path_column: is that of the paths if it names any photo; of others, that which names the most.
    """
    names = {loose_names(photo)[1] for photo in photos}
    found = []
    for delimiter in dict.fromkeys((table.delimiter, *_DELIMITERS)):
        cells = _even_cells(table, delimiter)
        hits = [_hits(column, names) for column in zip(*cells, strict=True)]
        if len(hits) > 1:
            found.append((max(hits), delimiter, cells, hits))
    if not found:
        return None
    most, delimiter, cells, hits = max(found, key=itemgetter(0))
    by_word = [at for at, name in enumerate(cells[0]) if _has_word(name, _PATH_WORDS)]
    if not most and not by_word:
        return None
    path = hits.index(most) if most else by_word[0]
    named = [at for at, name in enumerate(cells[0]) if clean_label(name) == path_column]
    if len(named) == 1 and hits[named[0]]:
        path = named[0]
    has_header = not _hits([cells[0][path]], names)
    columns = [list(column)[has_header:] for column in zip(*cells, strict=True)]
    split = _split_column(columns, path)
    repeating = _repeating_columns(columns, (path, split))
    return CsvShape(
        delimiter=delimiter,
        header=[clean_label(name) for name in cells[0]] if has_header else [],
        columns=columns,
        path=path,
        label=_label_column(cells[0] if has_header else [], columns, (path, split), repeating),
        label_columns=repeating,
        split=split,
    )


def _even_cells(table: CsvTable, delimiter: str) -> list[list[str]]:
    """Return the cells of the first lines, none when a delimiter does not part them alike."""
    text = "\n".join(table.text.splitlines()[:_SAMPLE])
    try:
        parsed = parse_table(table.file, text, delimiter)
    except UserError:
        return []
    records = [record.cells for record in parsed.records]
    even = [cells for cells in records if len(cells) == len(records[0])]
    return even if len(even) >= 0.9 * len(records) else []


def _hits(column: Iterable[str], names: AbstractSet[str]) -> int:
    """Return how many cells look like the name of a photo, in any spelling."""
    return sum(not names.isdisjoint(loose_names(cell)) for cell in column)


def _split_column(columns: Sequence[Sequence[str]], path: int) -> int | None:
    """Return the column that holds words for several sides of a split."""
    for at, column in enumerate(columns):
        sides = {side_of_word(cell) for cell in column if cell.strip()}
        if at != path and None not in sides and len(sides) > 1:
            return at
    return None


def _label_column(
    header: Sequence[str],
    columns: Sequence[Sequence[str]],
    used: Sequence[int | None],
    repeating: Sequence[int],
) -> int | None:
    """Return the column of labels: the only one, the one so named, or the one that repeats."""
    others = [at for at in range(len(columns)) if at not in used]
    if len(others) == 1:
        return others[0]
    for word in _LABEL_WORDS:
        named = [at for at in others if header and _has_word(header[at], (word,))]
        if len(named) == 1:
            return named[0]
    return repeating[0] if len(repeating) == 1 else None


def _repeating_columns(columns: Sequence[Sequence[str]], used: Sequence[int | None]) -> list[int]:
    """Return the columns whose values repeat and are no numbers, those that suit classes first.

    Words go before one word with numbers (bin0, bin1), which rather are places or things, and few
    values before many. Of columns with about as few, up to three times the fewest, the first goes
    before the others: tables tend to have the label right behind the photo.
    """
    values = {
        at: set(column)
        for at, column in enumerate(columns)
        if at not in used
        and 1 < len(set(column)) <= len(column) / 2
        and not all(_is_number(cell) for cell in column)
    }
    fewest = min((len(one) for one in values.values() if not says_nothing(one)), default=0)

    def order(at: int) -> tuple[bool, int, int]:
        count = len(values[at])
        return says_nothing(values[at]), count if count > 3 * fewest else 0, at

    return sorted(values, key=order)


def _has_word(name: str, words: Iterable[str]) -> bool:
    return any(word in re.split(r"[^a-z]+|(?<=[a-z])(?=name$)", name.casefold()) for word in words)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _remedy(shape: CsvShape, params: LabelParams, columns: Sequence[str]) -> list[str]:
    """Return the lines to set in params.yaml, or to put into the table, so that it can be read."""
    wanted = {"delimiter": (shape.delimiter, params.delimiter)}
    lines = []
    if shape.header:
        wanted["path_column"] = (shape.name(shape.path), params.path_column)
        if params.label_column in columns and shape.label is not None:
            wanted["label_column"] = (shape.name(shape.label), params.label_column)
        if params.split_column in columns and shape.split is not None:
            wanted["split_column"] = (shape.name(shape.split), params.split_column)
    else:
        lines.append(f"it has no header; put this line at its top: {shape.needed_header(params)}")
    changes = [f"    {key}: {_yaml(new)}" for key, (new, old) in wanted.items() if new != old]
    lines += ["set in params.yaml, in ingest, label:", *changes] if changes else []
    if params.label_column in columns and shape.label is None:
        lines.append(_without_label(shape, "and " if changes else "set ingest.label."))
    return lines


def _without_label(shape: CsvShape, start: str) -> str:
    """Return what to do where no column stands out as that of the labels.

    start: how the sentence on label_column begins.
    """
    names = ", ".join(echo(shape.name(at)) for at in shape.others[:6])
    if shape.class_for_each_column:
        return f"it has a column for each class ({names}); write their names into one, label"
    return f"{start}label_column to that of the labels, one of {names}"


def _yaml(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
