"""Labels: the params of the rule that gives them, and the labels and splits that it gave.

Labels are cleaned of what nobody sees in them (label_text.py); otherwise they stay as they were
written.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, field_validator, model_validator

from stages.base.params import Section
from stages.labels.label_text import clean_label
from stages.labels.name_regex import one_group_regex
from stages.labels.problem import Problem


@dataclass(frozen=True)
class PhotoLabels:
    """Labels and splits of the photos, and the problems of those without."""

    labels: dict[str, str] = field(default_factory=dict)  # by path
    unlabelled: list[Problem] = field(default_factory=list)  # one for each photo without a label
    splits: Mapping[str, str] = field(default_factory=dict)  # a side by path, where given
    problems: list[Problem] = field(default_factory=list)  # of a CSV's rows, and folders
    merged_rows: int = 0  # rows of a CSV that repeat another
    written: dict[str, str] = field(default_factory=dict)  # by path, where cleaning changed a label
    groups: Mapping[str, str] = field(default_factory=dict)  # a group by path, where given


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
        min_length=1,
        description="table for by: csv, and for a split or group column; one line per photo",
    )
    path_column: str = Field(description="column of the csv with paths below ingest.images")
    label_column: str = Field(description="column of the csv with labels")
    split_column: str = Field(
        description="column of the csv with train, valid or test; empty for none"
    )
    group_column: str = Field(
        description="column of the csv with the object, person or scene of each photo, for"
        " datablock.split.group: column (docs/splits.md has an example); empty for none"
    )
    delimiter: str = Field(description="delimiter of the csv, one character")

    @field_validator("regex")
    @classmethod
    def _has_one_group(cls, value: str) -> str:
        return one_group_regex(value, "label")

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, value: str) -> str:
        if len(value) != 1 or value in '"\r\n':
            raise ValueError(f"must be one character such as , or ; or a tab, not {value!r}")
        return value

    @property
    def reads_csv(self) -> bool:
        """Whether the CSV is used: for the labels, or at least for the split or the groups."""
        return self.by == "csv" or self.split_column != "" or self.group_column != ""

    @model_validator(mode="after")
    def _columns_are_named(self) -> "LabelParams":
        columns = {"path_column": self.path_column} if self.reads_csv else {}
        if self.by == "csv":
            columns["label_column"] = self.label_column
        if self.split_column:
            columns["split_column"] = self.split_column
        if self.group_column:
            columns["group_column"] = self.group_column
        empty = [key for key, column in columns.items() if not column]
        if empty:
            raise ValueError(f"by: {self.by} reads {self.csv}, so {empty[0]} must name a column")
        if len(set(columns.values())) < len(columns):
            raise ValueError(f"{' and '.join(sorted(columns))} must name different columns")
        return self


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
