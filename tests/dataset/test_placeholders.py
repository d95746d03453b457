"""A picture that stands for many missing photos is named, and ordinary photos are not."""

import pytest

from stages.dataset.placeholders import placeholder_problems
from stages.labels.problem import Problem


def found(labels: dict[str, str], contents: dict[str, str] | None = None) -> list[Problem]:
    """Return the problems of photos that differ but where their contents are given."""
    return placeholder_problems({path: path for path in labels} | (contents or {}), labels)


def test_one_content_under_several_labels_is_named() -> None:
    """The first path, the classes and their counts, and the other paths, once for a content."""
    labels = {"a.jpg": "cat", "b.jpg": "cat", "c.jpg": "dog", "d.jpg": "dog"}
    assert found(labels, dict.fromkeys(["a.jpg", "b.jpg", "c.jpg"], "same")) == [
        Problem(
            "a.jpg",
            "one content, several labels",
            "3 photos in 'cat' (2), 'dog' (1); the same file: 'c.jpg', 'b.jpg'",
        )
    ]


def test_one_content_under_very_many_labels_is_one_short_line() -> None:
    """The line shows five classes, three other paths, and how many more of both."""
    labels = {f"{number:02}.jpg": f"class {number:02}" for number in range(40)}
    ((path, problem, detail),) = found(labels, dict.fromkeys(labels, "same"))
    assert (path, problem) == ("00.jpg", "one content, several labels")
    assert detail.startswith("40 photos in 'class 00' (1), ")
    assert "'class 04' (1), 35 more; the same file: '01.jpg'" in detail
    assert detail.endswith("'03.jpg', 36 more")


def test_many_copies_under_one_label_are_named_and_two_are_not() -> None:
    """Merged folders have photos twice; five times the same is no accident."""
    labels = {f"{number}.jpg": "cat" for number in range(8)}
    assert found(labels, dict.fromkeys(["0.jpg", "1.jpg"], "same")) == []
    assert found(labels, dict.fromkeys([f"{n}.jpg" for n in range(5)], "same")) == [
        Problem(
            "0.jpg",
            "one content, many times",
            "5 photos in 'cat' (5); the same file: '1.jpg', '2.jpg', '3.jpg', 1 more",
        )
    ]


@pytest.mark.parametrize(
    "name",
    [
        "imageNotFound", "image_not_available", "Photo-Unavailable", "no image", "NoPhoto",
        "placeholder", "place-holder (2)", "no_image_available_12", "photo coming soon",
        "missing_image", "default-picture",
    ],
)  # fmt: skip
def test_a_placeholders_name_is_recognised(name: str) -> None:
    """Names that web sites give to the picture for a missing one, numbered copies too."""
    assert [row.problem for row in found({f"shop/{name}.jpg": "shoe"})] == ["placeholder"]


@pytest.mark.parametrize(
    "name", ["image_0012", "nophobia", "not_found_owl", "missing_0001", "noimage_cat"]
)
def test_an_ordinary_name_is_none(name: str) -> None:
    """Part of such a name, in a longer one, says nothing."""
    assert found({f"placeholder/{name}.jpg": "owl"}) == []


def test_photos_without_a_label_are_not_looked_at() -> None:
    """What is not trained on is no problem."""
    assert placeholder_problems({"imageNotFound.jpg": "a", "b.jpg": "a"}, {}) == []
