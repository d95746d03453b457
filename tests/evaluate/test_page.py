"""The page of an evaluation is whole, stands alone, and takes any name for text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from stages.evaluate.counted import count_photos
from stages.evaluate.page import (
    FileList,
    file_lists,
    render_evaluation,
    shown_pictures,
    worst_mistakes,
)
from stages.evaluate.scores import with_comparison
from tests.evaluate.example_evaluation import CLASSES, judged, twins_of, unread
from tests.evaluate.example_evaluation_page import HOSTILE, example_evaluation_page


class Elements(HTMLParser):
    """The elements of a page, and its words."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Collect words."""
        self.words.append(data)


def test_no_name_is_markup() -> None:
    """Names and labels stand on the page as they are, and make no element and no script."""
    elements = Elements(render_evaluation(example_evaluation_page()))
    sources = [attributes["src"] or "" for tag, attributes in elements.tags if tag == "img"]
    assert len(sources) == 11
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert [tag for tag, _ in elements.tags].count("script") == 1
    assert not any("onerror" in attributes for _, attributes in elements.tags)
    assert HOSTILE in "".join(elements.words)


def test_the_page_says_what_is_incomplete_and_differs() -> None:
    """Unread photos, refusals, unknown classes, seen photos and differences are in words."""
    text = " ".join(Elements(render_evaluation(example_evaluation_page())).words)
    words = re.sub(r"\s+", " ", text)  # of no-break spaces too
    for phrase in (
        "more errors than in validation", "Incomplete: 1 labelled photo could not be",
        "2 trained on", "Answered “none of these”", "With unknown classes as wrong",
        "they are darker, a medium effect", "distributed otherwise", "1,080",
        "with classes mixed as here 5.1 %", "against 200 of them",
        "and 10 more", "none of these, most probable", "Incomplete: 7 rows of the table of labels",
    ):  # fmt: skip
        assert phrase in words, phrase
    assert "in predictions.csv" not in words  # rows of a table without a photo are not there


def test_a_long_list_of_photos_names_the_table() -> None:
    """Of photos that do not count the page shows the first, and says where the others are."""
    page = example_evaluation_page()
    lists = [FileList(title="Trained on", lines=[f"{at}.jpg" for at in range(50)])]
    assert "and 10 more, in predictions.csv" in render_evaluation(replace(page, lists=lists))


def test_the_same_content_gives_the_same_page() -> None:
    """Rendered twice the page has the same bytes."""
    assert render_evaluation(example_evaluation_page()) == render_evaluation(
        example_evaluation_page()
    )


@pytest.mark.parametrize("count", [2, 3])
def test_nothing_that_counts_is_a_page_too(count: int) -> None:
    """With no photo, and with one, the page renders; without any it cannot tell."""
    text = render_evaluation(example_evaluation_page(count))
    assert ("Cannot tell: no photo counts" in text) == (count == 2)
    assert "nan" not in " ".join(Elements(text).words).lower().split()


def test_unknown_photos_of_the_model_are_a_warning() -> None:
    """Where nobody can tell what was seen, the page says so beside the number."""
    page = example_evaluation_page()
    page = replace(page, metrics=with_comparison(page.metrics, None, "no <lock>"))
    text = render_evaluation(page)
    assert "is not known, so" in text
    assert "photos, and training photos may be among them.</h1>" in text
    assert "new photos" not in text
    assert "no &lt;lock&gt;" in text
    assert "not compared" in text


def test_the_worst_mistakes_come_first() -> None:
    """Wrong answers stand by the probability of their label, the least first, ties by path."""
    photos = [
        judged("b", predicted="dog", confidence=0.9), judged("right"), unread("bad"),
        judged("a", predicted="dog", confidence=0.9), judged("c", predicted="owl", confidence=0.98),
    ]  # fmt: skip
    counted = count_photos(photos, twins_of(photos), CLASSES, not_labelled=0, seen_known=True)
    assert [one.path for one in worst_mistakes(counted, CLASSES, 9)] == ["c", "a", "b"]
    assert [one.path for one in worst_mistakes(counted, CLASSES, 1)] == ["c"]


def test_photos_with_labels_in_conflict_are_listed() -> None:
    """Each photo of a picture under several labels stands in a list, with its label."""
    photos = [judged("a"), judged("b", label="dog"), unread("bad")]
    lists = file_lists(photos, [], [], twins_of(photos, same={"b": "a"}))
    found = {one.title: one.lines for one in lists}
    assert found["One picture under several labels"] == ["a: cat", "b: dog"]


def test_a_photo_that_is_gone_has_no_picture() -> None:
    """What cannot be read again is a card without a picture."""
    photos = [judged("a", predicted="dog"), judged("b", predicted="dog")]
    counted = count_photos(photos, twins_of(photos), CLASSES, not_labelled=0, seen_known=True)
    mistakes = worst_mistakes(counted, CLASSES, 9)
    pixels = np.zeros((2, 2, 3), np.uint8)
    assert list(shown_pictures(mistakes, {"a": pixels}.get)) == ["a"]
