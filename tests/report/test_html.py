"""The page: complete, self-contained, and safe with any name."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from stages.report.confusion_figure import confusion_figures
from stages.report.figures import finder_figure, history_figure
from stages.report.html import Page, flatten, render
from stages.report.interpretation import InterpretParams, interpret
from stages.report.thumbnails import thumbnail
from stages.report.trust_figures import trust_figures
from tests.report.made_up import NASTY, arrays, curve, history, properties

# Elements that need no end tag.
VOID = {"meta", "link", "img", "br", "wbr", "path", "use", "image", "rect"}


class Reader(HTMLParser):
    """Collects what a browser would: elements, attributes, words; and checks that tags match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Hold that the innermost element is closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note words."""
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self) -> str:
        """Return the words as a reader sees them, on one line."""
        return " ".join(" ".join(self.words).split()).replace("\N{NO-BREAK SPACE}", " ")


def page(labels: list[str], images: int = 100, right: float = 0.8, bce: bool = False) -> Page:
    """Return a page of made-up results."""
    rng = np.random.default_rng(0)
    paths = np.array([f"<i>{number}</i> & \"'.jpg" for number in range(images)])
    targets = rng.permutation(images) % len(labels)
    predictions, baseline = arrays(labels, targets, paths, right=right, bce=bce)
    params = InterpretParams(top_losses=12, most_confused=5, suspects=9)
    groups = pd.Series(paths, paths)
    result = interpret(predictions, baseline, groups, properties(paths), params, seed=1)
    picture = thumbnail(np.full((9, 9, 3), 99, np.uint8), 9)
    shown = result.shown()
    return Page(
        result=result,
        thumbnails=dict.fromkeys(shown, picture),
        overlays=dict.fromkeys(shown[:1], picture),
        confusion=confusion_figures(np.array(labels), result.matrix),
        trust=trust_figures(result),
        batch=picture,
        epochs=picture,
        presizing=picture,
        counts={"train": 80, "valid": 20},
        findings=[{"severity": "warning", "message": "<u>odd</u>", "paths": list(paths[:60])}],
        problems={
            "reports/ingest/problems.csv": pd.DataFrame(
                [["a<b.jpg", "not an image", ""]], columns=["path", "problem", "detail"]
            )
        },
        suggestion={"skipped": False, "reason": None},
        finder=finder_figure(curve(), {"valley": 1e-3}, 1e-3),
        history=history_figure(history()),
        provenance={"arch": "<em>", "vocab": labels, "nested": {"lr": 0.01, "none": None}},
    )


@pytest.mark.parametrize("labels", [NASTY, ["a", "b"], [f"kind {n}" for n in range(70)]])
def test_the_page_is_whole_and_asks_for_nothing(labels: list[str]) -> None:
    """Tags match, there is no script, and every address is inside the page or a data URI."""
    reader = Reader(render(page(labels)))
    assert not reader.open
    assert not reader.all("script")
    assert not [name for _, attributes in reader.tags for name in attributes if name[:2] == "on"]
    for _, attributes in reader.tags:
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), address
    styles = "".join(reader.words)
    assert not re.findall(r"@import|url\((?!#)", styles)
    [policy] = [meta for meta in reader.all("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in str(policy["content"])


def test_every_name_is_shown_as_it_is() -> None:
    """Markup in labels, paths, findings, captions and provenance is text to the reader."""
    made = page(NASTY)
    text = render(made)
    reader = Reader(text)
    for raw in ("<script>", "<i>0</i>", "<u>", "<em>"):
        assert raw not in text
    shown = reader.text().replace(" ", "")
    for label in made.result.worst["actual"].unique():
        assert label.replace(" ", "") in shown
    assert "<u>odd</u>" in reader.text()
    assert "a<b.jpg" in reader.text()


def test_pictures_have_words() -> None:
    """Every image and every drawing says what it shows."""
    reader = Reader(render(page(["a", "b", "c"])))
    assert all(image.get("alt") for image in reader.all("img"))
    assert len(reader.all("img")) >= 13
    drawn = [tags for tags in reader.all("div") if (tags.get("class") or "").startswith("figure")]
    assert len(drawn) == len(reader.all("svg")) == 6
    assert all(tags["role"] == "img" and tags["aria-label"] for tags in drawn)


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    """The menu reaches every section."""
    reader = Reader(render(page([f"kind {number}" for number in range(70)])))
    ids = [attributes["id"] for _, attributes in reader.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]) for link in reader.all("a")]
    assert len(links) == 8
    assert all(link.removeprefix("#") in ids for link in links)


def test_the_headline_names_both_rates_with_their_intervals() -> None:
    """The first thing on the page is the answer, in words and numbers."""
    made = page(["a", "b", "c"], images=400, right=0.9)
    text = Reader(render(made)).text()
    own = made.result.metrics["error_rate"]
    assert "Fine-tuning is better than the linear probe" in text
    assert f"{100 * own['value']:.1f} % error against" in text
    assert f"{100 * own['low']:.1f} to {100 * own['high']:.1f}" in text


def test_loss_and_probability_are_told_apart() -> None:
    """A card gives both probabilities as percent and the loss as a number."""
    made = page(["a", "b", "c"])
    worst = made.result.worst.iloc[0]
    text = Reader(render(made)).text()
    assert f"loss {worst['loss']:.2f}" in text
    assert worst["loss"] == pytest.approx(-np.log(worst["p_actual"]), rel=1e-6)


@pytest.mark.parametrize(
    ("right", "sentence"),
    [
        (3.0, "None is a mistake; these are the ones it was least sure of."),
        (3.0, "No class was taken for another."),
        (-1.0, "Accuracy 0.0 %"),
    ],
)
def test_all_right_and_all_wrong(right: float, sentence: str) -> None:
    """Both extremes make a page that says so."""
    made = page(["a", "b", "c"], right=right)
    assert sentence in Reader(render(made)).text()


def test_nothing_to_tell_is_said() -> None:
    """Without suspects, findings and a sweep the page says so instead of leaving gaps."""
    made = page(["a", "b", "c"], bce=True)
    empty = Page(
        **{
            **vars(made),
            "findings": [],
            "problems": {},
            "finder": None,
            "suggestion": {"skipped": True, "reason": "fine_tune.base_lr is a number"},
        }
    )
    text = Reader(render(empty)).text()
    assert "The sweep was skipped: fine_tune.base_lr is a number." in text


def test_long_lists_are_cut() -> None:
    """Sixty paths of a finding are shown as forty, with the rest counted."""
    assert "and 20 more" in Reader(render(page(["a", "b"]))).text()


def test_same_content_same_bytes() -> None:
    """Two renderings of equal content are equal."""
    assert render(page(NASTY)) == render(page(NASTY))


def test_provenance_is_flat() -> None:
    """Nested values get dotted names; a long list is counted."""
    rows = dict(flatten({"a": {"b": [1, 2], "c": None}, "long": list(range(100))}))
    assert rows == {"a.b": "1, 2", "a.c": "none", "long": "100 values"}
