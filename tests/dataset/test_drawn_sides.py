"""Sides drawn by hash: what the tables of images look like is in test_splits.py."""

import pandas as pd

from stages.dataset.drawn_sides import hash_sides, stratified_sides
from stages.dataset.duplicates import DUPLICATE_COLUMNS

NO_DUPLICATES = pd.DataFrame(columns=DUPLICATE_COLUMNS, dtype="str")


def images_at(*digits: str, label: str = "a") -> pd.DataFrame:
    """Return images whose hash has these digits where the side is read from."""
    return pd.DataFrame(
        {
            "path": [f"{label}{row}.jpg" for row in range(len(digits))],
            "label": label,
            "sha256": ["0" * 8 + d.ljust(13, "0") + "0" * 43 for d in digits],
            "group": "",
        }
    )


def test_validation_and_test_stand_at_the_two_ends() -> None:
    """The smallest hashes validate, the largest are the test, and no share of 0 takes any."""
    images = images_at("0", "3", "4", "b", "c", "f")
    sides = ["valid", "valid", "train", "train", "test", "test"]
    assert hash_sides(images, 0.25, 0.25).tolist() == sides
    assert set(hash_sides(images, 0.25, 0.0)) == {"valid", "train"}


def test_a_small_class_has_all_sides() -> None:
    """Of three images one is on each side; of two none is the test; one alone trains."""
    for digits, sides in [
        (("1", "2", "3"), ["valid", "train", "test"]),
        (("1", "2"), ["valid", "train"]),
        (("1",), ["train"]),
    ]:
        found = stratified_sides(images_at(*digits), 0.2, 0.2, NO_DUPLICATES)
        assert found.tolist() == sides


def test_the_test_is_drawn_first() -> None:
    """Where both shares do not fit a class, validation gives way, since a test image never does."""
    found = stratified_sides(images_at("1", "2", "3"), 0.6, 0.3, NO_DUPLICATES)
    assert found.tolist() == ["valid", "train", "test"]


def test_a_group_of_two_classes_goes_by_the_larger() -> None:
    """Its images are on one side, and it counts as images of the class that most of it have."""
    images = pd.concat([images_at("1", "2", "3", "4"), images_at("5", label="b")])
    images = images.reset_index(drop=True)
    images.loc[[0, 1, 4], "group"] = "g"
    found = stratified_sides(images, 0.3, 0.0, NO_DUPLICATES)
    assert len(set(found[[0, 1, 4]])) == 1
    assert set(found) == {"train", "valid"}
