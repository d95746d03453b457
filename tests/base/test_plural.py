"""Numbers in messages come with their noun in the right form, long lists of names are cut."""

import pytest

from stages.base.plural import count_noun, join_names


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0 images"),
        (1, "1 image"),
        (2, "2 images"),
        (999, "999 images"),
        (1000, "1,000 images"),
        (1234567, "1,234,567 images"),
    ],
)
def test_only_one_takes_the_singular(number: int, expected: str) -> None:
    """Every number but one takes the plural, with commas between thousands."""
    assert count_noun(number, "image") == expected


def test_an_irregular_plural_is_given() -> None:
    """A noun that does not simply add s brings its plural."""
    assert [count_noun(number, "class", "classes") for number in (0, 1, 12345)] == [
        "0 classes",
        "1 class",
        "12,345 classes",
    ]


def test_names_are_cut_at_a_count() -> None:
    """Ten names are all shown, of eleven the last is counted."""
    names = [f"{n}" for n in range(11)]
    assert join_names(names[:10]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert join_names(names).endswith("8, 9, 1 more")
    assert join_names([]) == ""
