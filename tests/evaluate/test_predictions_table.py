"""predictions.csv has a row for every photo, readable whatever the names are."""

import csv
import io

from stages.evaluate.predictions_table import predictions_table
from stages.labels.problem import Problem
from tests.evaluate.example_evaluation import judged, twins_of, unread

NAMES = ["plain", 'a "b", c', "line\nend", "return\rhere", "=cmd()", "<b>"]


def test_every_photo_has_its_row() -> None:
    """The label, what was seen and what repeats stand behind the columns of predict."""
    photos = [judged("new", sure=True), judged("seen", label="dog"), judged("copy"), unread("bad")]
    twins = twins_of(photos, seen={"seen": "training"}, same={"copy": "new"})
    unlabelled = [Problem("stray", "no folder", "move it")]
    text = predictions_table(photos, unlabelled, twins, top=3, seen_known=True)
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert list(rows) == ["new", "seen", "copy", "bad", "stray"]
    assert (rows["new"]["predicted"], rows["new"]["sure"], rows["new"]["label"]) == (
        "cat", "yes", "cat",
    )  # fmt: skip
    assert [row["seen"] for row in rows.values()] == ["", "training", "", "", ""]
    assert [row["same_as"] for row in rows.values()] == ["", "", "new", "", ""]
    assert rows["bad"]["problem"] == "truncated"
    assert rows["stray"]["problem"] == "no label: no folder (move it)"


def test_what_nobody_can_tell_is_said_so() -> None:
    """Without known photos a row says unknown, not that the photo is new."""
    photos = [judged("a"), unread("b")]
    text = predictions_table(photos, [], twins_of(photos), top=3, seen_known=False)
    assert [row["seen"] for row in csv.DictReader(io.StringIO(text))] == ["unknown", ""]


def test_names_of_any_letters_come_back() -> None:
    """Line ends, quotes and commas in names and labels are those of the photos."""
    photos = [judged(name, label=f"{name}!") for name in NAMES]
    text = predictions_table(photos, [], twins_of(photos), top=3, seen_known=True)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [row["path"] for row in rows] == NAMES
    assert [row["label"] for row in rows] == [f"{name}!" for name in NAMES]
