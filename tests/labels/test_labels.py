"""A rule that cannot work is refused by the names of its params."""

import pytest
from pydantic import ValidationError

from stages.base.params import validation_lines
from stages.labels.labels import LabelParams
from tests.example_rule import example_rule


def complaint(**changes: str) -> list[str]:
    """Return the lines that a user reads about a wrong rule."""
    with pytest.raises(ValidationError) as caught:
        example_rule(**changes)
    return validation_lines(caught.value, LabelParams, "ingest.label")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"regex": "cat_.*"}, ["ingest.label.regex", "0 capture groups", "exactly one"]),
        ({"regex": r"(.+)_(\d+)"}, ["ingest.label.regex", "2 capture groups", "(?:...)"]),
        ({"regex": "(cat"}, ["ingest.label.regex", "no regular expression"]),
        ({"regex": ""}, ["ingest.label.regex", "0 capture groups"]),
        ({"by": "name"}, ["ingest.label.by", "'filename', 'csv' or 'folder'"]),
        ({"on": "stem"}, ["ingest.label.on", "'name' or 'path'"]),
        ({"delimiter": ""}, ["ingest.label.delimiter", "one character"]),
        ({"delimiter": ";;"}, ["ingest.label.delimiter", "one character"]),
        ({"delimiter": '"'}, ["ingest.label.delimiter", "one character"]),
        ({"delimiter": "\n"}, ["ingest.label.delimiter", "one character"]),
        ({"csv": ""}, ["ingest.label.csv"]),
        ({"by": "csv", "label_column": ""}, ["ingest.label", "label_column must name a column"]),
        ({"split_column": "side", "path_column": ""}, ["path_column must name a column"]),
        ({"by": "csv", "label_column": "path"}, ["different columns"]),
        ({"by": "csv", "split_column": "label"}, ["different columns"]),
        ({"colum": "x"}, ["ingest.label.colum", "no such parameter", "did you mean"]),
    ],
)
def test_a_wrong_rule_is_refused_by_its_dotted_name(
    changes: dict[str, str], words: list[str]
) -> None:
    """Each mistake in the section is one line with the key and what would be right."""
    (line,) = complaint(**changes)
    assert line.startswith("ingest.")
    for word in words:
        assert word in line


def test_all_mistakes_are_named_at_once() -> None:
    """Two wrong keys are two lines."""
    lines = complaint(regex="x", delimiter="ab")
    assert [line.split(":")[0] for line in lines] == [
        "ingest.label.regex",
        "ingest.label.delimiter",
    ]


def test_columns_do_not_matter_while_no_csv_is_read() -> None:
    """A file-name rule without a split column may leave the columns empty."""
    assert not example_rule(path_column="", label_column="").reads_csv
    assert example_rule(split_column="side").reads_csv
    assert example_rule(by="csv").reads_csv
