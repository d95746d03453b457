"""What corrections changed in the labels that the model is judged by."""

import pandas as pd
import pytest

from stages.page.correction_note import correction_note

VALID = ["a.jpg", "b.jpg", "c.jpg"]
COLUMNS = ["path", "action", "label", "before", "problem"]


def table(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    """Return corrections as ingest writes them, without the columns that do not matter here."""
    return pd.DataFrame(rows, columns=COLUMNS, dtype="str")


def test_labels_of_validation_and_dropped_photos_are_counted() -> None:
    """A label and a new class in validation count, and every dropped photo, on whatever side."""
    note = correction_note(
        table(
            ("a.jpg", "relabel", "dog", "cat", ""),
            ("b.jpg", "new class", "emu", "cat", ""),
            ("x.jpg", "drop", "", "cat", ""),
        ),
        VALID,
    )
    assert note.startswith(
        "Corrections changed 2 labels of validation and dropped 1 photo, of whichever side:"
    )


@pytest.mark.parametrize(
    "row",
    [
        ("train.jpg", "relabel", "dog", "cat", ""),
        ("a.jpg", "keep", "cat", "cat", ""),
        ("a.jpg", "relabel", "cat", "cat", ""),
        ("a.jpg", "relabel", "dgo", "cat", "unknown label"),
        ("a.jpg", "drop", "", "cat", "content changed"),
        ("unlabelled.jpg", "drop", "", "", ""),
    ],
)
def test_what_changes_no_label_of_validation_has_no_note(row: tuple[str, ...]) -> None:
    """In training, the same again, refused, or dropped without a label: none is counted."""
    path, action, label, before, problem = row
    assert correction_note(table((path, action, label, before, problem)), VALID) == ""


def test_without_corrections_there_is_no_note() -> None:
    """A list with its header alone, and an empty validation set, say nothing."""
    assert correction_note(table(), VALID) == ""
    assert correction_note(table(("a.jpg", "relabel", "dog", "cat", "")), []) == ""
