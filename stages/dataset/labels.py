"""Labels: the rule that gives each photo its class, by its name or by its folder.

Labels are trimmed and put into Unicode's composed form (NFC), so that é is é on every system;
otherwise they stay as they were written. Labels from a CSV are in label_csv.py.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath
from time import monotonic
from typing import Literal, NamedTuple

import regex
from pydantic import Field, field_validator, model_validator

from stages.base.errors import UserError
from stages.base.params import Section
from stages.base.plural import count_noun

# Seconds that the regex may take: for one name (an ordinary one takes a few microseconds), and for
# all names together, a fixed part and a part for each.
_NAME_SECONDS = 0.5
_TOTAL_SECONDS = 10.0
_TOTAL_SECONDS_PER_NAME = 0.001


class Problem(NamedTuple):
    """A row of problems.csv: a file or row that cannot be used as it is, and why."""

    path: str
    problem: str
    detail: str

    def __str__(self) -> str:
        """Return a line to print; control characters in a name are shown escaped."""
        path = self.path if self.path.isprintable() else repr(self.path)
        return ": ".join(part for part in (path, self.problem, self.detail) if part)


@dataclass(frozen=True)
class PhotoLabels:
    """Labels and splits of the photos, and the problems of those without."""

    labels: dict[str, str] = field(default_factory=dict)  # by path
    unlabelled: list[Problem] = field(default_factory=list)  # one for each photo without a label
    splits: dict[str, str] = field(default_factory=dict)  # train or valid, by path, where given
    problems: list[Problem] = field(default_factory=list)  # of a CSV's rows
    merged_rows: int = 0  # rows of a CSV that repeat another


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


def clean_label(text: str) -> str:
    """Return a label as it is compared: trimmed and in composed form.

    >>> clean_label(" cafe\N{COMBINING ACUTE ACCENT} ") == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def label_photos(paths: Sequence[str], params: LabelParams, rows: PhotoLabels) -> PhotoLabels:
    """Label photos by the rule; the rows of the CSV add the split, whatever the rule."""
    if params.by == "csv":
        return rows
    by_name = by_filename(paths, params) if params.by == "filename" else by_folder(paths)
    return replace(rows, labels=by_name.labels, unlabelled=by_name.unlabelled)


def by_filename(paths: Sequence[str], params: LabelParams) -> PhotoLabels:
    """Label each path by what the regex catches in it, as in fastai's RegexLabeller (search)."""
    labels = {}
    unlabelled = []
    pattern = regex.compile(params.regex)
    end = monotonic() + _TOTAL_SECONDS + _TOTAL_SECONDS_PER_NAME * len(paths)
    for path in paths:
        text = path if params.on == "path" else path.rpartition("/")[2]
        label = _search(pattern, unicodedata.normalize("NFC", text), end - monotonic())
        if label:
            labels[path] = label
        else:
            problem = "no match" if label is None else "empty label"
            unlabelled.append(Problem(path, problem, f"ingest.label.regex {params.regex}"))
    return PhotoLabels(labels, unlabelled)


def by_folder(paths: Iterable[str]) -> PhotoLabels:
    """Label each path by the folder that holds it; files at the top have no label."""
    labels = {path: clean_label(PurePosixPath(path).parent.name) for path in paths}
    detail = "move it into a folder named as its class"
    unlabelled = [Problem(path, "no folder", detail) for path, label in labels.items() if not label]
    return PhotoLabels({path: label for path, label in labels.items() if label}, unlabelled)


def similar_labels(labels: Iterable[str]) -> list[Problem]:
    """Return a problem for each set of labels that differ only by case or spaces."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        spellings["".join(label.casefold().split())][label] += 1
    return [
        Problem("", "labels look alike", _with_counts(counts))
        for _, counts in sorted(spellings.items())
        if len(counts) > 1
    ]


def _with_counts(counts: Mapping[str, int]) -> str:
    """Return labels, sorted, each with its number of images."""
    parts = [f"{label!r} ({count_noun(count, 'image')})" for label, count in sorted(counts.items())]
    return ", ".join(parts)


def require_labels(labels: Mapping[str, str], params: IngestParams, paths: Sequence[str]) -> None:
    """Refuse a rule that labels none of the images (paths); the error shows three of them."""
    if labels:
        return
    rule = params.label
    shown = ", ".join(repr(path) for path in paths[:3])
    none = f"none of the {len(paths):,} images in {params.images}"
    if rule.by == "csv":
        raise UserError(
            f"{rule.csv} (ingest.label.csv) has a label for {none}; its column"
            f" {rule.path_column!r} must hold paths such as {shown}"
        )
    if rule.by == "folder":
        raise UserError(
            f"{none} lies in a subfolder ({shown}); make a folder for each class,"
            " or set ingest.label.by to filename or csv"
        )
    raise UserError(
        f"ingest.label.regex {rule.regex} finds a label in {none}, such as {shown}; change it"
        f" so that its group catches the label (it looks at the {rule.on}: ingest.label.on),"
        " or set ingest.label.by to csv or folder"
    )


def require_classes(labels: Mapping[str, str]) -> None:
    """Refuse a set with fewer than two classes."""
    class_names = sorted(set(labels.values()))
    if not class_names:
        raise UserError("the corrections drop every image that has a label; keep two classes")
    if len(class_names) == 1:
        raise UserError(
            f"every image with a label ({len(labels):,}) is {class_names[0]!r}, and a classifier"
            " needs two classes or more; see ingest.label and the corrections"
        )


def _search(pattern: regex.Pattern[str], text: str, seconds_left: float) -> str | None:
    """Return the label in a name, "" when the group caught only spaces, None without a match.

    seconds_left: until all names must be done.
    """
    try:
        match = pattern.search(text, timeout=max(1e-6, min(_NAME_SECONDS, seconds_left)))
    except TimeoutError:
        slow_name = seconds_left > _NAME_SECONDS
        slow = f"over {_NAME_SECONDS:g} s on" if slow_name else "far too long on names such as"
        raise UserError(
            f"ingest.label.regex {pattern.pattern} took {slow} {text!r};"
            " repeats inside repeats, such as (a+)+, do that: write a simpler one"
        ) from None
    if match is None or match[1] is None:
        return None
    return clean_label(match[1])
