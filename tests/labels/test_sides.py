"""Sides: words and folders that people divide their photos by."""

import pytest

from stages.base.errors import UserError
from stages.labels.sides import Side, folder_sides, side_of_word, split_level


@pytest.mark.parametrize(
    ("word", "side"),
    [
        ("train", "train"),
        ("Train", "train"),
        ("TRAINING", "train"),
        ("training_set", "train"),
        (" train ", "train"),
        ("valid", "valid"),
        ("val", "valid"),
        ("Validation", "valid"),
        ("validation set", "valid"),
        ("dev", "valid"),
        ("test", "test"),
        ("Testing", "test"),
        ("test-set", "test"),
        ("", None),
        ("trains", None),
        ("excluded", None),
        ("set", None),
        ("0", None),
    ],
)
def test_words(word: str, side: Side | None) -> None:
    """A word of a side is understood in any case and with or without set; others mean none."""
    assert side_of_word(word) == side


def test_a_common_layout_needs_no_renaming() -> None:
    """train/, val/ and test/ with a folder for each class are three sides."""
    paths = [f"{top}/{label}/1.jpg" for top in ("Train", "val", "test") for label in ("a", "b")]
    assert [*folder_sides(paths).values()] == ["train", "train", "valid", "valid", "test", "test"]


@pytest.mark.parametrize(
    ("paths", "level"),
    [
        (["train/train/1.jpg", "train/bus/1.jpg", "val/train/1.jpg", "val/bus/1.jpg"], 0),
        (["train/train/1.jpg", "train/val/2.jpg", "val/train/1.jpg", "val/val/2.jpg"], 0),
        (["bus/train/1.jpg", "bus/val/1.jpg", "train/train/1.jpg", "train/val/1.jpg"], 1),
        (["train/train/a/1.jpg", "train/val/a/1.jpg"], 1),
        (["photos/train/1.jpg", "photos/val/1.jpg"], 1),
        (["train/1.jpg", "val/deep/er/1.jpg"], 0),
        (["1.jpg"], 0),
        ([], 0),
    ],
)
def test_the_place_counts(paths: list[str], level: int) -> None:
    """The side is the level at which every path has a word for it and sides differ."""
    assert split_level(paths) == level


def test_paths_without_a_side_are_all_named() -> None:
    """Where some paths name no side, each stands in the error with what it has instead."""
    with pytest.raises(UserError) as caught:
        folder_sides(["train/a/1.jpg", "val/a/1.jpg", "extra/a/1.jpg", "2.jpg"])
    text = str(caught.value)
    assert "the first folder must say train, valid or test; 2 of 4 images differ" in text
    assert "extra/a/1.jpg: extra" in text
    assert "2.jpg: no such folder" in text


def test_a_missing_side_is_named_with_the_words_for_it() -> None:
    """train/ and test/ alone leave nothing to validate with, and the error says how to go on."""
    with pytest.raises(UserError, match=r"lie in test/ and train/: none is in valid/ or val/"):
        folder_sides(["train/a/1.jpg", "test/a/1.jpg"])
    with pytest.raises(UserError, match=r"none is in train/ or training/"):
        folder_sides(["val/a/1.jpg"])


def test_no_photos_have_no_sides() -> None:
    """Without paths there is nothing to refuse."""
    assert folder_sides([]) == {}
