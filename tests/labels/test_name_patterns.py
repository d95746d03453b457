"""Names of classes are told from what cameras, programs and tidy people write."""

import re

import pytest

from stages.labels.name_patterns import NAME_PATTERNS, are_classes, is_camera_name, says_nothing


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("great_dane_173.jpg", "great_dane"),
        ("cat.0.jpg", "cat"),
        ("cat-12.JPG", "cat"),
        ("cat (12).jpg", "cat"),
        ("cat12.jpg", "cat"),
        ("Black_Footed_Albatross_0046_18.jpg", "Black_Footed_Albatross"),
        ("0412_seven.jpg", "seven"),
        ("cat_black_a.jpg", "cat"),
        ("IMG_0412_cat.jpg", "cat"),
    ],
)
def test_a_pattern_catches_the_class_of_each_usual_name(name: str, label: str) -> None:
    """Of the names that people give, each has its class caught by one of the patterns."""
    caught = [match[1] for match in (re.search(one, name) for one in NAME_PATTERNS) if match]
    assert label in caught


def test_a_name_without_a_class_is_caught_by_none() -> None:
    """A number alone has no class in it, and its extension is none."""
    assert not any(re.search(pattern, "173.jpg") for pattern in NAME_PATTERNS)


@pytest.mark.parametrize("labels", [["0", "1"], ["2024-05", "2024-06"], ["part 1"], ["s1", "s2"]])
def test_numbers_and_numbered_words_say_nothing(labels: list[str]) -> None:
    """Numbers, dates, one word with numbers and words such as part are no names of classes."""
    assert says_nothing(labels)


@pytest.mark.parametrize("labels", [["cat", "part 1"], ["cat 1", "dog 1"], ["day", "night"]])
def test_one_word_that_tells_classes_apart_is_enough(labels: list[str]) -> None:
    """Where a label has a word of its own, the labels say something."""
    assert not says_nothing(labels)


def test_the_words_of_cameras_are_known() -> None:
    """IMG and DSC are of cameras; digits may be classes, and so may one name among camera words."""
    assert is_camera_name(["IMG", "DSC_01"])
    assert not is_camera_name(["0", "1"])
    assert not is_camera_name(["IMG", "cat"])


def test_classes_are_shared_by_photos() -> None:
    """One class is none, and labels that each photo has for itself are no classes either."""
    assert are_classes({f"{at}.jpg": "cat" if at % 2 else "dog" for at in range(4)})
    assert not are_classes({f"{at}.jpg": "cat" for at in range(4)})
    assert not are_classes({f"{at}.jpg": str(at) for at in range(4)})
    assert not are_classes({})
