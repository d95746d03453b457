"""The rendered page: complete, self-contained, and safe with any name."""

import base64
import hashlib
import json
import re
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.page.html import breakable, flatten, path_end, read_page_script, render_page
from stages.page.review import ReviewData
from stages.stats.interpret_params import InterpretParams
from stages.stats.metrics_record import RecipeRecord, TrialRecord, Verdict
from tests.example_results import RECIPE, STRANGE_LABELS
from tests.page.example_page import SHORT_LISTS, example_page

ROOT = Path(__file__).parents[2]
# Elements that need no end tag.
VOID_ELEMENTS = {"meta", "link", "img", "br", "wbr", "path", "use", "image", "rect", "input"}


class Reader(HTMLParser):
    """What a browser makes of a page: elements, attributes, words, scripts; tags must match."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []  # type, text
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element and its attributes."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that the innermost element is closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect words, or the text of a script."""
        if self.open[-1:] == ["script"]:
            self.scripts.append((self.tags[-1][1].get("type"), data))
        else:
            self.words.append(data)

    def elements(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self) -> str:
        """Return the words as a reader sees them, on one line."""
        return " ".join(" ".join(self.words).split()).replace("\N{NO-BREAK SPACE}", " ")


LONGEST_LISTS = InterpretParams(top_losses=200, most_confused=100, suspects=1000)


def read_review_data(reader: Reader) -> ReviewData:
    """Return the data that the page brings for its script."""
    [text] = [text for kind, text in reader.scripts if kind == "application/json"]
    data: ReviewData = json.loads(text)
    return data


def test_what_next_has_a_line_for_each_step() -> None:
    """Each step stands with its figure and its words; without any the section says so."""
    page = example_page(["a", "b"])
    text = Reader(render_page(page)).text()
    assert len(page.next_steps) == 6
    for step in page.next_steps:
        assert " ".join(f"{step.title} {step.figure}".split()) in text.replace("\xa0", " ")
        assert step.text.replace("\N{NO-BREAK SPACE}", " ") in text
    assert "Nothing of it was computed" in render_page(replace(page, next_steps=[]))


def test_the_first_five_are_shown_of_many_classes() -> None:
    """The tile stands there from 20 classes on, though details.json has the score from six on."""
    for classes in (19, 20):
        page = example_page([f"kind {number}" for number in range(classes)])
        assert "top_5" in page.result.metrics
        assert ("Among the first five" in render_page(page)) == (classes == 20)


def test_unequal_classes_have_mean_recall_and_kappa_beside_the_accuracy() -> None:
    """These, and the ranking of each class, stand there only where class sizes differ fivefold."""
    page = example_page(["a", "b"])
    for unequal in (False, True):
        result = replace(page.result, metrics={**page.result.metrics, "unequal_classes": unequal})
        text = Reader(render_page(replace(page, result=result))).text()
        for words in ("Macro recall", "Kappa", "Average precision", "ROC area"):
            assert (words in text) == unequal
        assert "Always answering the largest class errs on" in text


@pytest.mark.parametrize("labels", [STRANGE_LABELS, ["a", "b"], [f"kind {n}" for n in range(70)]])
def test_the_page_is_whole_and_asks_for_nothing(labels: list[str]) -> None:
    """Tags match, and every address is inside the page or a data URI."""
    reader = Reader(render_page(example_page(labels)))
    assert not reader.open
    assert not [name for _, attributes in reader.tags for name in attributes if name[:2] == "on"]
    for _, attributes in reader.tags:
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), address
    styles = "".join(reader.words)
    assert not re.findall(r"@import|url\((?!#)", styles)
    [policy] = [meta for meta in reader.elements("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in str(policy["content"])


WEAPONS = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea></title></style></svg><!--",
    "]]>&lt;b&gt;{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)//\u2028\u202e",
]


def test_no_name_adds_to_what_the_page_is_made_of() -> None:
    """With weapons for labels it has the same elements and attributes as with plain ones.

    The review's data, which stand in a script, read the same too.
    """
    plain = Reader(render_page(example_page(["a", "b", "c", "d", "e", "f"])))
    armed = Reader(render_page(example_page(WEAPONS)))
    for tag in ("script", "img", "a", "style", "template", "option", "article"):
        assert len(armed.elements(tag)) == len(plain.elements(tag))
    kinds = [
        {(tag, *sorted(attributes)) for tag, attributes in page.tags} for page in (armed, plain)
    ]
    assert kinds[0] <= kinds[1]
    assert read_review_data(armed)["classes"] == sorted(WEAPONS)


def test_only_our_scripts_may_run() -> None:
    """The policy names the hash of each script; what a label might smuggle in would not run."""
    reader = Reader(render_page(example_page(STRANGE_LABELS)))
    [policy] = [meta for meta in reader.elements("meta") if meta.get("http-equiv")]
    [allowed] = re.findall(r"script-src ([^;]+)", str(policy["content"]))
    texts = [text for kind, text in reader.scripts if kind is None]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    assert allowed.split() == [f"'sha256-{value}'" for value in hashes]
    assert len(texts) == 4


def test_the_scripts_are_short() -> None:
    """Each script can be read in one sitting, and none asks the network for anything."""
    for kind, text in Reader(render_page(example_page(["a", "b"]))).scripts:
        if kind is None:
            assert len(text.splitlines()) <= 200
            assert not re.findall(
                r"fetch|XMLHttp|WebSocket|sendBeacon|import\(|innerHTML|https?:", text
            )
            assert "<" + "/" not in text


def test_the_review_knows_every_card() -> None:
    """Each card names its image by number; the image has path, hash, label and suggestion."""
    page = example_page(STRANGE_LABELS)
    reader = Reader(render_page(page))
    data = read_review_data(reader)
    assert data["classes"] == sorted(STRANGE_LABELS)
    worst = page.result.top_losses
    is_wrong = worst["actual"] != worst["predicted"]
    top_losses = [*worst["path"][is_wrong], *worst["path"][~is_wrong]]
    mistakes = [path for path in page.result.confident_mistakes["path"] if path not in top_losses]
    paths = [*top_losses, *mistakes, *page.result.label_issues["path"]]
    cards = [int(card["data-image"] or "") for card in reader.elements("article")]
    assert [data["images"][number]["path"] for number in cards] == paths
    for image in data["images"]:
        assert image["sha256"] == f"{int(re.findall(r'[0-9]+', image['path'])[0]):064}"
        assert {image["label"], image["suggested"]} <= set(STRANGE_LABELS)


@pytest.mark.parametrize(("right", "folded"), [(0.8, 1), (3.0, 0), (-1.0, 0)])
def test_right_predictions_are_folded_behind_the_wrong_ones(right: float, folded: int) -> None:
    """Wrong ones are counted and shown, right ones folded; where all are of one kind, none is."""
    params = SHORT_LISTS.model_copy(update={"top_losses": 20})
    page = example_page(["a", "b", "c"], right=right, params=params)
    worst = page.result.top_losses
    wrong = int((worst["actual"] != worst["predicted"]).sum())
    reader = Reader(render_page(page))
    details = [one for one in reader.elements("details") if one.get("class") == "right-predictions"]
    assert len(details) == folded
    assert (f"{wrong} of them are wrong" in reader.text()) == (wrong > 0)
    right_count = len(worst) - wrong
    assert (f"{right_count} of them are right, with little" in reader.text()) == (folded == 1)


def test_a_long_path_shows_its_end_and_has_the_whole_as_title() -> None:
    """Photos of one folder begin alike, so a card shows the last 35 characters of the path."""
    page = example_page(["a", "b"])
    long = "a camera of the north harbour/2024/IMG_" + str(page.result.top_losses["path"].iloc[0])
    worst = page.result.top_losses.assign(path=[long, *page.result.top_losses["path"][1:]])
    page = replace(page, result=replace(page.result, top_losses=worst))
    reader = Reader(render_page(page))
    assert long in [one.get("title") for one in reader.elements("bdi")]
    assert "".join(path_end(long).split()) in "".join(reader.text().split())
    assert (path_end("x" * 36), path_end("x" * 37)) == ("x" * 36, "…" + "x" * 35)


def test_a_mistake_stands_once() -> None:
    """Confident mistakes leave out those among the top losses, and say how many."""
    params = SHORT_LISTS.model_copy(update={"top_losses": 4})
    page = example_page(["a", "b", "c"], images=400, params=params)
    others = set(page.result.confident_mistakes["path"]) - set(page.result.top_losses["path"])
    assert others
    assert f"surest of, {4 - len(others)} stand above" in Reader(render_page(page)).text()


def test_mistakes_that_all_stand_above_are_not_repeated() -> None:
    """With room for twenty, every mistake is among the top losses, and a sentence says so."""
    params = SHORT_LISTS.model_copy(update={"top_losses": 20})
    page = example_page(["a", "b", "c"], params=params)
    mistakes = len(page.result.confident_mistakes)
    assert mistakes
    assert f"All {mistakes} stand above." in Reader(render_page(page)).text()


def test_earlier_decisions_are_listed_and_passed_on_unchanged() -> None:
    """The page shows what was applied and what no longer fits, and its script has every cell."""
    page = example_page(["a", "b"])
    reader = Reader(render_page(page))
    rows = page.reports.corrections.to_dict("records")
    for decision, row in zip(read_review_data(reader)["decided"], rows, strict=True):
        assert decision == {column: row[column] for column in decision}
        assert {"path", "sha256", "action", "label", "note"} <= set(decision)
    assert "applied" in reader.text()
    assert "does not fit: content changed line 4" in reader.text()


def test_the_verdict_says_what_corrections_changed() -> None:
    """Beside the error stands how many labels and photos it is of that corrections changed."""
    page = example_page(["a", "b"])
    assert "dropped 1 photo, of whichever side" in Reader(render_page(page)).text()
    plain = Reader(render_page(replace(page, correction_note=""))).text()
    assert "of whichever side:" not in plain


def test_nothing_was_decided_yet() -> None:
    """Without corrections there is no table of them."""
    page = example_page(["a", "b"])
    reports = replace(page.reports, corrections=page.reports.corrections.head(0))
    text = Reader(render_page(replace(page, reports=reports))).text()
    assert "Decided before" not in text
    assert "that a person decided" not in text


def test_decided_labels_are_counted_beside_the_label_issues() -> None:
    """Labels that a person kept or gave are said to be left out, with how many were confirmed."""
    page = example_page(["a", "b"])
    rows = [(f"{n}.jpg", action, "", "") for n, action in enumerate(["keep", "relabel", "drop"])]
    columns = ["path", "action", "problem", "before"]
    table = pd.DataFrame(rows, columns=columns).reindex(
        columns=page.reports.corrections.columns, fill_value=""
    )
    page = replace(page, reports=replace(page.reports, corrections=table))
    text = Reader(render_page(page)).text()
    assert "2 labels that a person decided, 1 confirmed, are not listed." in text


def test_every_name_is_text_as_it_is() -> None:
    """Markup in labels, paths, findings, captions and provenance is text to the reader."""
    page = example_page(STRANGE_LABELS)
    text = render_page(page)
    reader = Reader(text)
    for raw in ("<script>alert", "<i>0</i>", "<u>", "<em>"):
        assert raw not in text
    words = reader.text().replace(" ", "")
    for label in page.result.top_losses["actual"].unique():
        assert label.replace(" ", "") in words
    assert len(reader.elements("script")) == 5
    assert "<u>odd</u>" in reader.text()
    assert "a<b.jpg" in reader.text()


def test_pictures_have_words() -> None:
    """Every image and every drawing says what it shows."""
    reader = Reader(render_page(example_page(["a", "b", "c"])))
    assert all(image.get("alt") for image in reader.elements("img"))
    assert len(reader.elements("img")) >= 13
    figures = [
        div for div in reader.elements("div") if (div.get("class") or "").startswith("figure")
    ]
    assert len(figures) == len(reader.elements("svg")) == 6
    assert all(figure["role"] == "img" and figure["aria-label"] for figure in figures)


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    """The menu reaches every section."""
    reader = Reader(render_page(example_page([f"kind {number}" for number in range(70)])))
    ids = [attributes["id"] for _, attributes in reader.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]) for link in reader.elements("a")]
    assert len(links) == 10
    assert all(link.removeprefix("#") in ids for link in links)


def test_the_headline_names_both_rates_with_their_intervals() -> None:
    """The first thing on the page is the answer, in words and numbers."""
    page = example_page(["a", "b", "c"], images=400, right=0.9)
    text = Reader(render_page(page)).text()
    rate = page.result.metrics["error_rate"]
    assert rate["value"] is not None
    assert "Fine-tuning is better than the linear probe" in text
    assert f"{100 * rate['value']:.1f} % error against" in text
    assert f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f}" in text


def test_each_error_of_the_probe_is_named_where_it_stands() -> None:
    """The verdict's is on validation, the recipe's out of fold, Next's on the learning curve."""
    page = example_page(["a", "b", "c"], images=400, right=0.9)
    page = replace(page, result=page.result.with_training(RECIPE, None))
    text = Reader(render_page(page)).text()
    assert "Error rate on validation" in text
    assert "Out of fold, the linear probe errs on" in text
    assert "On the learning curve, the error of the linear probe" in text


def test_each_level_has_its_confidence_threshold() -> None:
    """Where no confidence reaches a level, the reason stands instead."""
    page = example_page(["a", "b", "c"], images=1000, right=1.0)
    text = Reader(render_page(page)).text()
    thresholds = page.result.metrics["sure"]
    for level, threshold in thresholds.items():
        assert f"Right {level} % of the time" in text
        assert threshold["threshold"] is not None or threshold["reason"] in text
    assert thresholds["95"]["threshold"] is not None
    assert thresholds["99"]["threshold"] is None
    assert text.count("or surer; ") == 1
    calibration = page.result.metrics["calibration"]
    word = "without" if calibration["applied_temperature"] == 1 else "with"
    assert f"The confidence to accept from, above, is one {word} it." in text


def test_calibration_error_has_its_bound_by_chance() -> None:
    """The expected calibration error stands beside what a calibrated model may have."""
    page = example_page(["a", "b", "c"], images=1000, right=1.0)
    text = Reader(render_page(page)).text()
    calibration = page.result.metrics["calibration"]
    assert calibration["ece"]["value"] is not None
    assert f"{100 * calibration['ece']['value']:.1f} %" in text
    assert f"by chance up to {100 * calibration['ece_by_chance']:.1f} %" in text


def test_a_card_has_loss_and_probabilities() -> None:
    """Probabilities are percent and the loss is a number: -log of the label's probability."""
    page = example_page(["a", "b", "c"])
    worst = page.result.top_losses.iloc[0]
    text = Reader(render_page(page)).text()
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
    page = example_page(["a", "b", "c"], right=right)
    assert sentence in Reader(render_page(page)).text()


def test_an_empty_section_says_so() -> None:
    """Without findings, a sweep and training there are sentences instead of gaps."""
    page = example_page(["a", "b", "c"], bce=True)
    reports = replace(
        page.reports,
        summary={"counts": {}, "findings": []},
        problems={},
    )
    empty = render_page(replace(page, lr_finder=None, history=None, reports=reports))
    text = Reader(empty).text()
    assert "What the checks found Nothing." in text
    assert "Nothing was trained" in text
    training = empty.partition('<section id="training"')[2].partition("<section")[0]
    assert "<figure" not in training


def test_a_card_of_training_has_a_figure() -> None:
    """Without a sweep there is the history's card alone, and no word of shade where none is."""
    page = example_page(["a", "b", "c"])
    unshaded = replace(page.reports, history=page.reports.history.assign(phase="unfrozen"))
    both = Reader(render_page(page)).text()
    assert "Learning rate finder:" in both
    assert "fine_tune.base_lr: find" not in both
    assert "the shaded epochs train the head alone" in both
    one = Reader(render_page(replace(page, lr_finder=None, reports=unshaded))).text()
    assert "Learning rate finder:" not in one
    assert "Loss, error and learning rate by epoch" in one
    assert "The learning rate is 0.001, which fine_tune.base_lr: auto takes" in one
    assert "fine_tune.base_lr: find looks for one" in one
    assert "shaded" not in one


def test_long_lists_are_cut() -> None:
    """Of sixty paths of a finding forty are listed, and the rest counted."""
    assert "and 20 more" in Reader(render_page(example_page(["a", "b"]))).text()


@pytest.mark.slow
def test_a_page_of_ten_thousand_images_is_small() -> None:
    """With all pictures that params allow, of photos full of detail, the page stays below 5 MB."""

    def photo(path: str) -> np.ndarray:
        rng = np.random.default_rng(int(re.findall("[0-9]+", path)[0]))
        pixels = rng.integers(0, 255, (80, 106, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(pixels).resize((424, 320), Image.Resampling.BICUBIC))

    labels = [f"kind {number}" for number in range(37)]
    page = example_page(labels, images=10_000, params=LONGEST_LISTS, read_image=photo)
    text = render_page(page)
    assert len(page.result.label_issues) == 1000
    assert len(page.thumbnails) > 1000
    assert len(text.encode()) < 5e6


def test_same_content_same_bytes() -> None:
    """Two renderings of equal content are equal."""
    assert render_page(example_page(STRANGE_LABELS)) == render_page(example_page(STRANGE_LABELS))


def test_provenance_is_flat() -> None:
    """Nested values get dotted names; a long list is counted."""
    rows = dict(flatten({"a": {"b": [1, 2], "c": None}, "long": list(range(100))}))
    assert rows == {"a.b": "1, 2", "a.c": "none", "long": "100 values"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a_b/c-d", "a_<wbr>b/<wbr>c-<wbr>d"),
        ("<b>", "&lt;b&gt;"),
        ("a&amp;_", "a&amp;amp;_<wbr>"),
    ],
)
def test_a_long_name_may_break_and_is_escaped(name: str, text: str) -> None:
    """Breaks are offered after signs, and nothing in a name is markup."""
    assert str(breakable(name)) == text


def test_a_script_has_the_hash_of_its_text() -> None:
    """The policy's hash is that of the bytes between the tags."""
    script = read_page_script("templates/tables.js")
    digest = base64.b64encode(hashlib.sha256(str(script.text).encode()).digest()).decode()
    assert script.integrity == f"sha256-{digest}"


def test_a_model_that_is_the_probe_is_the_first_sentence() -> None:
    """The page says first that fine-tuning was worse in the trial, and which params to try."""
    page = example_page(["a", "b"])
    trial = TrialRecord(images=67, errors=10, probe_errors=1, epochs=3, p=0.012, verdict="worse")
    text = render_page(replace(page, result=page.result.with_training(RECIPE, trial)))
    words = " ".join(" ".join(Reader(text).words).split())
    assert "The model is the linear probe" in words
    assert words.index("not fine-tuned") < words.index("The model is the linear probe")
    assert "it erred on 10 of these, and the probe on 1" in words
    assert "Perhaps it had too few steps or too high a rate: try a larger fine_tune.epochs" in words


def test_training_that_went_far_from_the_probe_is_advised_to_stay_nearer() -> None:
    """More epochs are not what it lacks where the recipe has thousands of images seen."""
    page = example_page(["a", "b"])
    trial = TrialRecord(images=67, errors=10, probe_errors=1, epochs=3, p=0.012, verdict="worse")
    far = RecipeRecord(**{**RECIPE, "name": "far from the probe"})
    text = render_page(replace(page, result=page.result.with_training(far, trial)))
    words = " ".join(" ".join(Reader(text).words).split())
    assert "Perhaps it went too far from the probe: try fine_tune.trained_share: 0.5 or a" in words
    assert "try a larger" not in words


@pytest.mark.parametrize(
    ("verdict", "advised"), [("worse", True), ("better", False), ("cannot tell", False)]
)
def test_a_model_that_is_worse_than_the_probe_says_what_to_try(
    verdict: Verdict, advised: bool
) -> None:
    """Where validation finds fine-tuning worse, and only there, the headline names two params."""
    page = example_page(["a", "b"])
    metrics = deepcopy(page.result.metrics)
    metrics["versus_baseline"]["verdict"] = verdict
    text = render_page(replace(page, result=replace(page.result, metrics=metrics)))
    (hero,) = re.findall(r'<section class="hero".*?</section>', text, re.DOTALL)
    assert all((param in hero) == advised for param in ("fine_tune.epochs", "fine_tune.base_lr"))


def test_the_diagnosis_and_the_trial_stand_beside_the_history() -> None:
    """A sentence of the diagnosis, and a trial that was not worse, are in the training section."""
    page = replace(example_page(["a", "b"]), diagnosis=["Underfitting: <more>"])
    trial = TrialRecord(images=67, errors=1, probe_errors=9, epochs=1, p=0.02, verdict="better")
    text = render_page(replace(page, result=page.result.with_training(RECIPE, trial)))
    words = " ".join(" ".join(Reader(text).words).split())
    assert "Underfitting: <more>" in words
    assert "fine-tuning erred on 1 after 1 epoch, the probe on 9" in words
    assert "The model is the linear probe" not in words


@pytest.mark.parametrize("verdict", ["worse", "better"])
def test_by_folds_the_page_says_who_judged_and_what_is_kept(verdict: Verdict) -> None:
    """The page tells the folds, that the kept model saw all images, and no trial."""
    page = example_page(["a", "b"])
    trial = TrialRecord(images=100, errors=9, probe_errors=4, epochs=3, p=0.02, verdict=verdict)
    result = page.result.with_training(RECIPE, trial)
    folded = replace(result, metrics={**result.metrics, "folds": 5})
    words = " ".join(" ".join(Reader(render_page(replace(page, result=folded))).words).split())
    assert "by a model that was trained without its fold, one of 5; the model that is kept" in words
    assert "Fine-tuned, they erred on 9 of 100 images, and the probes of the folds on 4." in words
    assert "n a trial" not in words
    assert "a trial on" not in words
    worse = "Of 100 images, models fine-tuned without their fold erred on 9, and the probes on 4"
    assert (worse in words) == (verdict == "worse")


def test_words_stand_out_from_what_is_behind_them() -> None:
    """By day, by night and on paper each colour of words has WCAG's contrast of 4.5."""
    style = (ROOT / "stages/page/templates/style.css").read_text(encoding="utf-8")
    themes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(themes) == 3
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#\w+)", theme))
        for words in ("ink", "muted", "accent", "warm", "good", "caution"):
            for ground in ("page", "card", "soft"):
                assert contrast(colours[words], colours[ground]) >= 4.5, (words, ground)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours of a style sheet, 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb, 0 to 1."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = np.frombuffer(bytes.fromhex(digits), dtype=np.uint8) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("verdict", ["worse", "better"])
@pytest.mark.parametrize("folds", [False, True])
def test_a_trial_on_groups_names_them(folds: bool, verdict: Verdict) -> None:
    """Beside its images the page says of how many groups they are, in each of its sentences."""
    page = example_page(["a", "b"])
    trial = TrialRecord(
        images=67, groups=8, errors=9, probe_errors=4, epochs=3, p=0.02, verdict=verdict
    )
    result = page.result.with_training(RECIPE, trial)
    if folds:
        result = replace(result, metrics={**result.metrics, "folds": 5})
    words = " ".join(" ".join(Reader(render_page(replace(page, result=result))).words).split())
    training = (
        "they erred on 9 of 67 images of 8 groups, and"
        if folds
        else ("a trial on 67 training images of 8 groups held out: fine-tuning erred on 9")
    )
    first = (
        "Of 67 images of 8 groups, models fine-tuned"
        if folds
        else ("In a trial without 67 of the training images, of 8 groups, it erred on 9 of these")
    )
    assert training in words
    assert (first in words) == (verdict == "worse")
