"""A rule that labels nothing, or one class, is refused; one that labels a part is noted."""

import pytest

from stages.base.errors import UserError
from stages.labels.label_coverage import coverage_notes, require_classes, require_labels
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem
from tests.example_rule import example_rule

FOLDER = "data/photos"
PHOTOS = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("filename", [r"^(.+)_\d+\.\w+$", "'a.jpg', 'b.jpg', 'c.jpg'", "ingest.label.on"]),
        ("folder", ["subfolder", "folder for each class", "'a.jpg', 'b.jpg', 'c.jpg'"]),
    ],
)
def test_a_rule_that_labels_nothing_is_refused_in_one_line(by: str, words: list[str]) -> None:
    """The line shows three photos, the rule, and what to change."""
    with pytest.raises(UserError) as caught:
        require_labels(PhotoLabels(), example_rule(by=by), folder=FOLDER, paths=PHOTOS)
    [line] = caught.value.lines
    assert "'d.jpg'" not in line
    for word in [*words, "none of the 4 images in data/photos"]:
        assert word in line
    require_labels(PhotoLabels({"a.jpg": "cat"}), example_rule(by=by), folder=FOLDER, paths=PHOTOS)


def test_a_table_that_labels_nothing_is_shown_beside_the_photos() -> None:
    """The error has what the table holds, what the folder holds, and how they would fit."""
    rows = [Problem(f"x/{name}", "row without photo", "line 2") for name in ("1", "2", "3", "4")]
    fit = Problem("", "paths would fit", "not taken: 2 paths fit")
    with pytest.raises(UserError) as caught:
        require_labels(
            PhotoLabels(problems=[*rows, fit]), example_rule(by="csv"), folder=FOLDER, paths=PHOTOS
        )
    assert caught.value.lines == [
        "data/labels.csv (ingest.label.csv) has a label for none of the 4 images in data/photos",
        "  its column 'path' holds 'x/1', 'x/2', 'x/3'",
        "  the photos are 'a.jpg', 'b.jpg', 'c.jpg'",
        "  not taken: 2 paths fit",
    ]


def test_one_class_is_no_set_to_learn_from() -> None:
    """Fewer than two classes are refused, naming the one."""
    with pytest.raises(UserError, match=r"^every image with a label \(2\) is 'cat'"):
        require_classes({"a": "cat", "b": "cat"})
    with pytest.raises(UserError, match=r"^the corrections drop every image"):
        require_classes({})
    require_classes({"a": "cat", "b": "dog"})


def test_photos_without_a_label_are_counted_with_examples() -> None:
    """A note has how many of how many photos, and three of them."""
    unlabelled = [Problem(path, "no match", "") for path in PHOTOS]
    labels = {"e_1.jpg": "e", "f_1.jpg": "f"}
    notes = coverage_notes(PhotoLabels(labels, unlabelled), example_rule(), folder=FOLDER)
    assert notes == [
        "ingest.label.regex: 4 of 6 photos get no label, such as 'a.jpg', 'b.jpg', 'c.jpg'"
    ]
    assert coverage_notes(PhotoLabels(labels), example_rule(), folder=FOLDER) == []


def test_rows_of_a_table_without_photo_are_counted() -> None:
    """A note has how many rows name no photo, and how paths were adjusted."""
    problems = [
        Problem("x.jpg", "row without photo", "line 2"),
        Problem("/y.jpg", "absolute path", "line 3"),
        Problem("a.jpg", "unknown split", "line 4"),
        Problem("", "paths adjusted", "taken: 3 paths"),
    ]
    labels = PhotoLabels({"a.jpg": "cat", "b.jpg": "dog"}, problems=problems)
    assert coverage_notes(labels, example_rule(by="csv"), folder=FOLDER) == [
        "ingest.label.csv: rows of data/labels.csv without a photo in data/photos: 2, such as"
        " 'x.jpg', '/y.jpg'",
        "ingest.label.csv: taken: 3 paths",
    ]


def test_classes_that_are_sides_of_a_split_are_noted() -> None:
    """Photos that lie in train/ and val/ themselves would make classes of these names."""
    sides = PhotoLabels({"train/1.jpg": "train", "val/2.jpg": "val"})
    [note] = coverage_notes(sides, example_rule(by="folder"), folder=FOLDER)
    assert "the classes would be 'train', 'val'" in note
    mixed = PhotoLabels({"train/1.jpg": "train", "bus/2.jpg": "bus"})
    assert coverage_notes(mixed, example_rule(by="folder"), folder=FOLDER) == []
