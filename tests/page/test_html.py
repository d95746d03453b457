"""The page: complete, self-contained, and safe with any name."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.page.content import Page, Reports, compose_page
from stages.page.html import flatten, render_page
from stages.stats.interpretation import InterpretParams, interpret
from tests.example_results import NASTY, arrays, curve, decided, history, properties

# Elements that need no end tag.
VOID = {"meta", "link", "img", "br", "wbr", "path", "use", "image", "rect", "input"}


class Reader(HTMLParser):
    """Collects what a browser would: elements, attributes, words; and checks that tags match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []  # type, text
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
        """Note words, or the text of a script."""
        if self.open[-1:] == ["script"]:
            self.scripts.append((self.tags[-1][1].get("type"), data))
        else:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self) -> str:
        """Return the words as a reader sees them, on one line."""
        return " ".join(" ".join(self.words).split()).replace("\N{NO-BREAK SPACE}", " ")


GREY = np.full((9, 9, 3), 99, np.uint8)
FEW = InterpretParams(top_losses=12, most_confused=5, suspects=9)
MOST = InterpretParams(top_losses=200, most_confused=100, suspects=1000)


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a picture as datablock draws them."""
    path = tmp_path_factory.mktemp("sheet") / "batch.png"
    Image.new("RGB", (90, 60), "teal").save(path)
    return path


@pytest.fixture(scope="module")
def page(sheet: Path):
    """Return a function that makes a page of made-up results."""

    def make(
        labels: list[str],
        images: int = 100,
        right: float = 0.8,
        bce: bool = False,
        params: InterpretParams = FEW,
        image: Callable[[str], np.ndarray] = lambda path: GREY,
    ) -> Page:
        paths = np.array([f"<i>{number}</i> & \"'\r.jpg" for number in range(images)])
        targets = np.random.default_rng(0).permutation(images) % len(labels)
        predictions, baseline = arrays(labels, targets, paths, right=right, bce=bce)
        result = interpret(
            predictions, baseline, pd.Series(paths, paths), properties(paths), params, seed=1
        )
        hashes = pd.DataFrame({"path": paths, "sha256": [f"{n:064}" for n in range(images)]})
        reports = made_up_reports(sheet, paths, labels)
        return compose_page(result, reports, hashes, baseline, predictions.map_of(), image)

    return make


def made_up_reports(sheet: Path, paths: np.ndarray, labels: list[str]) -> Reports:
    """Return what the stages before interpret would have left."""
    problem = pd.DataFrame([["a<b.jpg", "not an image", ""]], columns=["path", "problem", "detail"])
    odd = {"severity": "warning", "message": "<u>odd</u>", "paths": list(paths[:60])}
    return Reports(
        summary={"counts": {"train": 80, "valid": 20}, "findings": [odd]},
        sheets=[sheet] * 3,
        problems={"reports/ingest/problems.csv": problem},
        decided=decided(list(paths), labels),
        suggestion={"skipped": False, "reason": None, "rules": {"valley": 1e-3}},
        curve=curve(),
        history=history(),
        model={"arch": "<em>", "vocab": labels, "base_lr": 1e-3, "none": None},
        params={"seed": 42, "augment": {"size": 96}},
        versions={"numpy": "2.4.9"},
    )


def data_of(reader: Reader) -> dict:
    """Return what the page's script is given."""
    [place] = [n for n, (tag, _) in enumerate(reader.scripts) if tag == "application/json"]
    return json.loads(reader.scripts[place][1])


@pytest.mark.parametrize("labels", [NASTY, ["a", "b"], [f"kind {n}" for n in range(70)]])
def test_the_page_is_whole_and_asks_for_nothing(page, labels: list[str]) -> None:
    """Tags match, and every address is inside the page or a data URI."""
    reader = Reader(render_page(page(labels)))
    assert not reader.open
    assert not [name for _, attributes in reader.tags for name in attributes if name[:2] == "on"]
    for _, attributes in reader.tags:
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), address
    styles = "".join(reader.words)
    assert not re.findall(r"@import|url\((?!#)", styles)
    [policy] = [meta for meta in reader.all("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in str(policy["content"])


def test_only_our_scripts_may_run(page) -> None:
    """The policy names the hash of each script; what a label might smuggle in would not run."""
    reader = Reader(render_page(page(NASTY)))
    [policy] = [meta for meta in reader.all("meta") if meta.get("http-equiv")]
    [allowed] = re.findall(r"script-src ([^;]+)", str(policy["content"]))
    texts = [text for kind, text in reader.scripts if kind is None]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    assert allowed.split() == [f"'sha256-{value}'" for value in hashes]
    assert len(texts) == 3


def test_the_scripts_are_short(page) -> None:
    """Each script can be read in one sitting, and none asks the network for anything."""
    for kind, text in Reader(render_page(page(["a", "b"]))).scripts:
        if kind is None:
            assert len(text.splitlines()) <= 200
            assert not re.findall(
                r"fetch|XMLHttp|WebSocket|sendBeacon|import\(|innerHTML|https?:", text
            )
            assert "<" + "/" not in text


def test_the_review_knows_every_card(page) -> None:
    """Each card names its image by number; the image has path, hash, label and suggestion."""
    made = page(NASTY)
    reader = Reader(render_page(made))
    data = data_of(reader)
    assert data["classes"] == sorted(NASTY)
    worst = list(made.result.worst["path"])
    surest = [path for path in made.result.surest["path"] if path not in worst]
    paths = [*worst, *surest, *made.result.suspects["path"]]
    cards = [int(card["data-image"]) for card in reader.all("article")]
    assert [data["images"][number]["path"] for number in cards] == paths
    for image in data["images"]:
        assert image["sha256"] == f"{int(re.findall(r'[0-9]+', image['path'])[0]):064}"
        assert {image["label"], image["suggested"]} <= set(NASTY)


def test_a_mistake_is_shown_once(page) -> None:
    """The surest mistakes leave out those among the worst predictions, and say how many."""
    few = page(["a", "b", "c"], images=400, params=FEW.model_copy(update={"top_losses": 4}))
    missing = set(few.result.surest["path"]) - set(few.result.worst["path"])
    assert missing
    assert f"surest of, {4 - len(missing)} stand above" in Reader(render_page(few)).text()
    all_above = page(["a", "b", "c"], params=FEW.model_copy(update={"top_losses": 20}))
    count = len(all_above.result.surest)
    assert f"All {count} stand above." in Reader(render_page(all_above)).text()


def test_earlier_decisions_are_listed_and_handed_on_as_they_are(page) -> None:
    """The page shows what was applied and what no longer fits, and its script has every cell."""
    made = page(["a", "b"])
    reader = Reader(render_page(made))
    rows = made.reports.decided.to_dict("records")
    for given, row in zip(data_of(reader)["decided"], rows, strict=True):
        assert given == {cell: row[cell] for cell in given}
        assert {"path", "sha256", "action", "label", "note"} <= set(given)
    assert "applied" in reader.text()
    assert "does not fit: content changed line 4" in reader.text()


def test_nothing_was_decided_yet(page) -> None:
    """Without corrections there is no table of them."""
    made = page(["a", "b"])
    first = replace(made, reports=replace(made.reports, decided=made.reports.decided.head(0)))
    assert "Decided before" not in Reader(render_page(first)).text()


def test_other_labels_are_other_data(page) -> None:
    """The key under which a browser keeps decisions changes when a label does, not by itself."""
    assert page(["a", "b"]).key == page(["a", "b"], right=0.5).key != page(["a", "c"]).key


def test_every_name_is_shown_as_it_is(page) -> None:
    """Markup in labels, paths, findings, captions and provenance is text to the reader."""
    made = page(NASTY)
    text = render_page(made)
    reader = Reader(text)
    for raw in ("<script>alert", "<i>0</i>", "<u>", "<em>"):
        assert raw not in text
    shown = reader.text().replace(" ", "")
    for label in made.result.worst["actual"].unique():
        assert label.replace(" ", "") in shown
    assert len(reader.all("script")) == 4
    assert "<u>odd</u>" in reader.text()
    assert "a<b.jpg" in reader.text()


def test_pictures_have_words(page) -> None:
    """Every image and every drawing says what it shows."""
    reader = Reader(render_page(page(["a", "b", "c"])))
    assert all(image.get("alt") for image in reader.all("img"))
    assert len(reader.all("img")) >= 13
    drawn = [tags for tags in reader.all("div") if (tags.get("class") or "").startswith("figure")]
    assert len(drawn) == len(reader.all("svg")) == 6
    assert all(tags["role"] == "img" and tags["aria-label"] for tags in drawn)


def test_ids_are_unique_and_links_lead_somewhere(page) -> None:
    """The menu reaches every section."""
    reader = Reader(render_page(page([f"kind {number}" for number in range(70)])))
    ids = [attributes["id"] for _, attributes in reader.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]) for link in reader.all("a")]
    assert len(links) == 9
    assert all(link.removeprefix("#") in ids for link in links)


def test_the_headline_names_both_rates_with_their_intervals(page) -> None:
    """The first thing on the page is the answer, in words and numbers."""
    made = page(["a", "b", "c"], images=400, right=0.9)
    text = Reader(render_page(made)).text()
    own = made.result.metrics["error_rate"]
    assert "Fine-tuning is better than the linear probe" in text
    assert f"{100 * own['value']:.1f} % error against" in text
    assert f"{100 * own['low']:.1f} to {100 * own['high']:.1f}" in text


def test_it_says_how_sure_is_sure(page) -> None:
    """Each level has the confidence that reaches it, or the reason why none can be named."""
    made = page(["a", "b", "c"], images=1000, right=1.0)
    text = Reader(render_page(made)).text()
    for level, sure in made.result.metrics["sure"].items():
        assert f"Right {level} % of the time" in text
        assert sure["reason"] in text if sure["threshold"] is None else "or surer; " in text
    assert [sure["threshold"] is None for sure in made.result.metrics["sure"].values()] == [
        False,
        True,
    ]
    assert f"{100 * made.result.metrics['calibration']['ece']['value']:.1f} %" in text


def test_loss_and_probability_are_told_apart(page) -> None:
    """A card gives both probabilities as percent and the loss as a number."""
    made = page(["a", "b", "c"])
    worst = made.result.worst.iloc[0]
    text = Reader(render_page(made)).text()
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
def test_all_right_and_all_wrong(page, right: float, sentence: str) -> None:
    """Both extremes make a page that says so."""
    made = page(["a", "b", "c"], right=right)
    assert sentence in Reader(render_page(made)).text()


def test_nothing_to_tell_is_said(page) -> None:
    """Without suspects, findings and a sweep the page says so instead of leaving gaps."""
    made = page(["a", "b", "c"], bce=True)
    reports = replace(
        made.reports,
        summary={"counts": {}, "findings": []},
        problems={},
        suggestion={"skipped": True, "reason": "fine_tune.base_lr is a number"},
    )
    text = Reader(render_page(replace(made, finder=None, reports=reports))).text()
    assert "The sweep was skipped: fine_tune.base_lr is a number." in text


def test_long_lists_are_cut(page) -> None:
    """Sixty paths of a finding are shown as forty, with the rest counted."""
    assert "and 20 more" in Reader(render_page(page(["a", "b"]))).text()


@pytest.mark.slow
def test_a_page_of_ten_thousand_images_is_small(page) -> None:
    """With all pictures that params allow, of photos full of detail, the page stays below 5 MB."""

    def photo(path: str) -> np.ndarray:
        rng = np.random.default_rng(int(re.findall("[0-9]+", path)[0]))
        pixels = rng.integers(0, 255, (80, 106, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(pixels).resize((424, 320), Image.Resampling.BICUBIC))

    labels = [f"kind {number}" for number in range(37)]
    made = page(labels, images=10_000, params=MOST, image=photo)
    text = render_page(made)
    assert len(made.result.suspects) == 1000
    assert len(made.thumbnails) > 1000
    assert len(text.encode()) < 5e6


def test_same_content_same_bytes(page) -> None:
    """Two renderings of equal content are equal."""
    assert render_page(page(NASTY)) == render_page(page(NASTY))


def test_provenance_is_flat() -> None:
    """Nested values get dotted names; a long list is counted."""
    rows = dict(flatten({"a": {"b": [1, 2], "c": None}, "long": list(range(100))}))
    assert rows == {"a.b": "1, 2", "a.c": "none", "long": "100 values"}
