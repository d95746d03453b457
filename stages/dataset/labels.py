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

TIME_LIMIT = 0.5  # seconds of one name: an ordinary one takes a few microseconds
ALL_LIMIT = (10.0, 0.001)  # seconds of all names: so many, and so many a name


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
class Labelled:
    """What a rule says about the photos."""

    labels: dict[str, str] = field(default_factory=dict)  # by path
    unlabelled: list[Problem] = field(default_factory=list)  # one for each photo without a label
    splits: dict[str, str] = field(default_factory=dict)  # train or valid, by path, where given
    problems: list[Problem] = field(default_factory=list)  # of a CSV's rows
    merged: int = 0  # rows of a CSV that repeat another


class LabelParams(Section):
    """Where labels come from."""

    by: Literal["filename", "csv", "folder"]
    on: Literal["name", "path"]
    regex: str
    csv: str = Field(min_length=1)
    path_column: str
    label_column: str
    split_column: str
    delimiter: str

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

    images: str
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

    >>> clean(" cafe\N{COMBINING ACUTE ACCENT} ") == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def label_photos(paths: Sequence[str], params: LabelParams, rows: Labelled) -> Labelled:
    """Label photos by the rule; the rows of the CSV add the split, whatever the rule."""
    if params.by == "csv":
        return rows
    named = by_filename(paths, params) if params.by == "filename" else by_folder(paths)
    return replace(rows, labels=named.labels, unlabelled=named.unlabelled)


def by_filename(paths: Sequence[str], params: LabelParams) -> Labelled:
    """Label each path by what the regex catches in it, as in fastai's RegexLabeller (search)."""
    labels, unlabelled = {}, []
    pattern = regex.compile(params.regex)
    end = monotonic() + ALL_LIMIT[0] + ALL_LIMIT[1] * len(paths)
    for path in paths:
        text = path if params.on == "path" else path.rpartition("/")[2]
        label = _search(pattern, unicodedata.normalize("NFC", text), end - monotonic())
        if label:
            labels[path] = label
        else:
            kind = "no match" if label is None else "empty label"
            unlabelled.append(Problem(path, kind, f"ingest.label.regex {params.regex}"))
    return Labelled(labels, unlabelled)


def by_folder(paths: Iterable[str]) -> Labelled:
    """Label each path by the folder that holds it; files at the top have no label."""
    labels = {path: clean_label(PurePosixPath(path).parent.name) for path in paths}
    detail = "move it into a folder named as its class"
    unlabelled = [Problem(path, "no folder", detail) for path, label in labels.items() if not label]
    return Labelled({path: label for path, label in labels.items() if label}, unlabelled)


def similar_labels(labels: Iterable[str]) -> list[Problem]:
    """Return a problem for each set of labels that differ only by case or spaces."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        spellings["".join(label.casefold().split())][label] += 1
    return [
        Problem("", "labels look alike", ", ".join(map(_counted, sorted(counts.items()))))
        for _, counts in sorted(spellings.items())
        if len(counts) > 1
    ]


def _counted(item: tuple[str, int]) -> str:
    label, count = item
    return f"{label!r} ({count:,} image{'s' if count > 1 else ''})"


def require_labels(labels: Mapping[str, str], params: IngestParams, paths: Sequence[str]) -> None:
    """Refuse a rule that labels none of the images (paths); the error shows three of them."""
    if labels:
        return
    rule, shown = params.label, ", ".join(repr(path) for path in paths[:3])
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
    classes = sorted(set(labels.values()))
    if not classes:
        raise UserError("the corrections drop every image that has a label; keep two classes")
    if len(classes) == 1:
        raise UserError(
            f"every image with a label ({len(labels):,}) is {classes[0]!r}, and a classifier needs"
            " two classes or more; see ingest.label and the corrections"
        )


def _search(pattern: regex.Pattern[str], text: str, left: float) -> str | None:
    """Return the label in a name, "" when the group caught only spaces, None without a match.

    left: seconds until all names must be done.
    """
    try:
        match = pattern.search(text, timeout=max(1e-6, min(TIME_LIMIT, left)))
    except TimeoutError:
        slow = f"over {TIME_LIMIT:g} s on" if left > TIME_LIMIT else "far too long on names such as"
        raise UserError(
            f"ingest.label.regex {pattern.pattern} took {slow} {text!r};"
            " repeats inside repeats, such as (a+)+, do that: write a simpler one"
        ) from None
    caught = match[1] if match else None
    return None if caught is None else clean_label(caught)
