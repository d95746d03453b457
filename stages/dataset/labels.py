"""Labels: the rule that gives each photo its class, by its name or by its folder.

Labels are cleaned of what nobody sees in them (label_text.py); otherwise they stay as they were
written. Labels from a CSV are in label_csv.py.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath
from time import monotonic
from typing import Literal, NamedTuple

import regex
from pydantic import Field, field_validator, model_validator

from stages.base.echo import cut, echo
from stages.base.errors import UserError
from stages.base.params import Section
from stages.dataset.label_text import clean_label

# Seconds that the regex may take: for one name (an ordinary one takes a few microseconds), and for
# all names together, a fixed part and a part for each.
_NAME_SECONDS = 0.5
_TOTAL_SECONDS = 10.0
_TOTAL_SECONDS_PER_NAME = 0.001
_MOST = 300  # characters of a path that a line shows


class Problem(NamedTuple):
    """A row of problems.csv: a file or row that cannot be used as it is, and why."""

    path: str
    problem: str
    detail: str

    def __str__(self) -> str:
        """Return a line to print; control characters in a name are shown escaped, its end cut."""
        path = cut(self.path, _MOST)
        path = path if path.isprintable() else repr(path)
        return ": ".join(part for part in (path, self.problem, cut(self.detail, 2 * _MOST)) if part)


@dataclass(frozen=True)
class PhotoLabels:
    """Labels and splits of the photos, and the problems of those without."""

    labels: dict[str, str] = field(default_factory=dict)  # by path
    unlabelled: list[Problem] = field(default_factory=list)  # one for each photo without a label
    splits: Mapping[str, str] = field(default_factory=dict)  # a side by path, where given
    problems: list[Problem] = field(default_factory=list)  # of a CSV's rows, and folders
    merged_rows: int = 0  # rows of a CSV that repeat another
    written: dict[str, str] = field(default_factory=dict)  # by path, where cleaning changed a label


class LabelParams(Section):
    """Where labels come from."""

    by: Literal["filename", "csv", "folder"] = Field(
        description="where labels come from",
        json_schema_extra={"filename": "regex", "folder": "name of the parent folder"},
    )
    on: Literal["name", "path"] = Field(
        description="what the regex is matched with",
        json_schema_extra={"name": "file name", "path": "path below ingest.images"},
    )
    regex: str = Field(description="exactly one capture group: the label")
    csv: str = Field(
        min_length=1, description="table for by: csv, and for a split column; one line per photo"
    )
    path_column: str = Field(description="column of the csv with paths below ingest.images")
    label_column: str = Field(description="column of the csv with labels")
    split_column: str = Field(description="column of the csv with train or valid; empty for none")
    delimiter: str = Field(description="delimiter of the csv, one character")

    @field_validator("regex")
    @classmethod
    def _has_one_group(cls, value: str) -> str:
        try:
            groups = regex.compile(value).groups
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
        if groups != 1:
            raise ValueError(
                f"{value!r} has {groups} capture groups and needs exactly one, which catches the"
                " label; (?:...) groups without capturing"
            )
        return value

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, value: str) -> str:
        if len(value) != 1 or value in '"\r\n':
            raise ValueError(f"must be one character such as , or ; or a tab, not {value!r}")
        return value

    @property
    def reads_csv(self) -> bool:
        """Whether the CSV is used: for the labels, or at least for the split."""
        return self.by == "csv" or self.split_column != ""

    @model_validator(mode="after")
    def _columns_are_named(self) -> "LabelParams":
        columns = {"path_column": self.path_column} if self.reads_csv else {}
        if self.by == "csv":
            columns["label_column"] = self.label_column
        if self.split_column:
            columns["split_column"] = self.split_column
        empty = [key for key, column in columns.items() if not column]
        if empty:
            raise ValueError(f"by: {self.by} reads {self.csv}, so {empty[0]} must name a column")
        if len(set(columns.values())) < len(columns):
            raise ValueError(f"{' and '.join(sorted(columns))} must name different columns")
        return self


class IngestParams(Section):
    """The section `ingest` of params.yaml."""

    images: str = Field(
        description="folder of photos, searched with its subfolders; your own: data/photos"
    )
    label: LabelParams

    @field_validator("images")
    @classmethod
    def _is_relative(cls, value: str) -> str:
        absolute = PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive
        if not value.strip() or absolute:
            raise ValueError(
                f"must be a folder given from the root of the repository, such as data/photos,"
                f" not {value!r}"
            )
        return value


def cleaned_labels(written: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the label of each path, and it as it was written, where that is another spelling.

    Spaces around a label and Unicode's decomposed form, as macOS writes it, are none.
    """
    labels = {path: clean_label(text) for path, text in written.items()}
    others = {
        path: text
        for path, text in written.items()
        if text != labels[path] and unicodedata.normalize("NFC", text).strip() != labels[path]
    }
    return labels, others


def label_photos(paths: Sequence[str], params: LabelParams, rows: PhotoLabels) -> PhotoLabels:
    """Label photos by the rule; the rows of the CSV add the split, whatever the rule."""
    if params.by == "csv":
        return rows
    by_name = by_filename(paths, params) if params.by == "filename" else by_folder(paths)
    return replace(
        rows, labels=by_name.labels, unlabelled=by_name.unlabelled, written=by_name.written
    )


def by_filename(paths: Sequence[str], params: LabelParams) -> PhotoLabels:
    """Label each path by what the regex catches in it, as in fastai's RegexLabeller (search)."""
    caught: dict[str, str] = {}
    unlabelled = []
    pattern = regex.compile(params.regex)
    end = monotonic() + _TOTAL_SECONDS + _TOTAL_SECONDS_PER_NAME * len(paths)
    for path in paths:
        text = path if params.on == "path" else path.rpartition("/")[2]
        label = _search(pattern, unicodedata.normalize("NFC", text), end - monotonic())
        if label and clean_label(label):
            caught[path] = label
        else:
            problem = "no match" if label is None else "empty label"
            unlabelled.append(Problem(path, problem, f"ingest.label.regex {params.regex}"))
    labels, written = cleaned_labels(caught)
    return PhotoLabels(labels, unlabelled, written=written)


def by_folder(paths: Iterable[str]) -> PhotoLabels:
    """Label each path by the folder that holds it; files at the top have no label."""
    labels, written = cleaned_labels({path: PurePosixPath(path).parent.name for path in paths})
    detail = "move it into a folder named as its class"
    unlabelled = [Problem(path, "no folder", detail) for path, label in labels.items() if not label]
    named = {path: label for path, label in labels.items() if label}
    return PhotoLabels(named, unlabelled, written=written)


def _search(pattern: regex.Pattern[str], text: str, seconds_left: float) -> str | None:
    """Return what the group catches in a name, None without a match.

    seconds_left: until all names must be done.
    """
    try:
        match = pattern.search(text, timeout=max(1e-6, min(_NAME_SECONDS, seconds_left)))
    except TimeoutError:
        slow_name = seconds_left > _NAME_SECONDS
        slow = f"over {_NAME_SECONDS:g} s on" if slow_name else "far too long on names such as"
        raise UserError(
            f"ingest.label.regex {pattern.pattern} took {slow} {echo(text)};"
            " repeats inside repeats, such as (a+)+, do that: write a simpler one"
        ) from None
    if match is None or match[1] is None:
        return None
    return match[1]
