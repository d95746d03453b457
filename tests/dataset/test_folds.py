"""Folds: whose hash says which, and the split that each of them is."""

from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from stages.dataset.folds import (
    draw_folds,
    first_fold_split,
    fold_sides,
    is_validated,
    join_folds,
    list_folds,
)

SPLITS = pd.DataFrame(
    {
        "path": ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"],
        "label": ["cat", "dog", "dog", "cat", "cat"],
        "split": ["train", "train", "train", "excluded", "train"],
        "reason": ["", "", "", "exact duplicate of t.jpg", ""],
        "fold": ["2", "11", "2", "", "3"],
        "twin_folds": ["", "2 3", "", "", "2"],
    }
)
WITHOUT = SPLITS.drop(columns=["fold", "twin_folds"]).assign(
    split=["train", "valid", "train", "excluded", "train"]
)


def images(count: int) -> pd.DataFrame:
    """Return images whose bytes are a number, without groups."""
    hashes = [sha256(str(number).encode()).hexdigest() for number in range(count)]
    return pd.DataFrame({"sha256": hashes, "group": ""})


@pytest.mark.parametrize("count", [2, 5, 20])
def test_the_fold_is_a_digit_of_the_hash_to_the_base_of_their_number(count: int) -> None:
    """Digits 22 to 34 of the hash, as a fraction of one, times the number of folds, from 1."""
    table = images(500)
    expected = [1 + int(count * (int(name[21:34], 16) / 2**52)) for name in table["sha256"]]
    assert draw_folds(table, count).astype(int).tolist() == expected
    assert sorted(set(expected)) == list(range(1, count + 1))


def test_the_ends_of_the_hash_are_in_the_first_and_the_last_fold() -> None:
    """The least and the largest hash are in folds 1 and 20, and none is beyond."""
    table = pd.DataFrame({"sha256": ["0" * 64, "f" * 64], "group": ""})
    assert draw_folds(table, 20).tolist() == ["1", "20"]
    assert draw_folds(table.iloc[:0], 20).empty


def test_folds_are_about_equal() -> None:
    """Of 5,000 images each of five folds has a fifth, to four standard deviations."""
    sizes = draw_folds(images(5000), 5).value_counts()
    assert np.abs(sizes - 1000).max() < 4 * np.sqrt(5000 * 0.2 * 0.8)


def test_no_image_moves_because_of_others() -> None:
    """An image is in the same fold whatever other images there are, and in whatever order."""
    table = images(60)
    alone = draw_folds(table.iloc[40:].iloc[::-1], 7)
    assert alone.sort_index().equals(draw_folds(table, 7).iloc[40:])


def test_a_group_is_in_one_fold_by_its_name() -> None:
    """Images of a group are where the hash of its name says."""
    table = images(30).assign(group=["anna", "ben", "cleo"] * 10)
    folds = draw_folds(table, 20)
    for name in ("anna", "ben", "cleo"):
        number = int(sha256(name.encode()).hexdigest()[21:34], 16) * 20 // 16**13 + 1
        assert set(folds[table["group"] == name]) == {str(number)}


def test_each_fold_is_a_split() -> None:
    """The images of a fold validate, those of its pictures elsewhere are excluded, others train."""
    sides = fold_sides(SPLITS)
    assert list(sides) == [2, 3, 11]
    assert sides[2].tolist() == ["valid", "excluded", "valid", "excluded", "excluded"]
    assert sides[3].tolist() == ["train", "excluded", "train", "excluded", "valid"]
    assert sides[11].tolist() == ["train", "valid", "train", "excluded", "train"]


def test_every_image_is_validated_once() -> None:
    """Over all folds each image that trains validates in one, and an excluded one in none."""
    sides = np.array(list(fold_sides(SPLITS).values()))
    assert np.sum(sides == "valid", axis=0).tolist() == [1, 1, 1, 0, 1]
    assert is_validated(SPLITS).tolist() == [True, True, True, False, True]


def test_without_folds_the_split_is_what_it_was() -> None:
    """A split without folds has none, is its own first one, and validates what it says."""
    assert list_folds(WITHOUT) == []
    assert fold_sides(WITHOUT) == {}
    assert first_fold_split(WITHOUT) is WITHOUT
    assert is_validated(WITHOUT).tolist() == [False, True, False, False, False]


def test_the_first_fold_is_the_first_that_has_images() -> None:
    """Where no image is in fold 1, the split of the next one stands for it."""
    assert first_fold_split(SPLITS)["split"].tolist() == fold_sides(SPLITS)[2].tolist()
    assert join_folds([]) == ""
