"""The model card: numbers as measured, names as code, and the form that the hub reads."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages.forms.card import (
    Exported,
    Form,
    class_rows,
    confused_pairs,
    render_card,
    weights_licence,
)
from stages.forms.parity import Parity
from stages.stats.confidence import find_confidence
from stages.stats.mcnemar import compare_paired
from tests.example_results import STRANGE_LABELS
from tests.forms.export_project import (
    LABELS,
    example_metrics,
    example_predictions_of,
    write_export_project,
)
from tests.forms.random_model import random_model
from tests.page.github_markdown import Rendered

PARITY = Parity(images=64, other_classes=1, usual=0.00234, largest=0.0345, bound=1e-4)
ONNX = Form(file="model.onnx", size=2_805_793, presized=PARITY, originals=None)
TIMM = replace(ONNX, file="model.safetensors", originals=PARITY)
NOTHING = Exported(onnx=None, int8=None, int8_test=None, timm=None, not_timm="its network is cut")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder."""
    root = tmp_path_factory.mktemp("card")
    write_export_project(root)
    return root


def card_of(root: Path, exported: Exported, bce: bool = False) -> str:
    """Return the card of the project's model with these forms."""
    predictions = example_predictions_of(root)
    metrics = example_metrics(root)
    labels = predictions.class_names.tolist()
    model, card = random_model(loss="bce" if bce else "cross_entropy", class_names=labels)
    confidence = find_confidence(metrics)
    return render_card(model, card, metrics, confidence, predictions, exported)


def front_matter(card: str) -> dict[str, Any]:
    """Return the card's YAML between its two lines of hyphens."""
    first, matter, _ = card.split("---\n", 2)
    assert first == ""
    content: dict[str, Any] = YAML(typ="safe").load(matter)
    return content


def test_the_front_matter_is_what_the_hub_reads(project: Path) -> None:
    """Licence, task, library, tags and the scores stand in the YAML at the top."""
    metrics = example_metrics(project)
    matter = front_matter(card_of(project, replace(NOTHING, onnx=ONNX, timm=TIMM, not_timm="")))
    assert matter["pipeline_tag"] == "image-classification"
    assert matter["library_name"] == "timm"
    assert matter["tags"] == ["image-classification", "onnx", "timm", "transformers"]
    (entry,) = matter["model-index"]
    assert entry["name"].endswith(", fine-tuned")
    values = {score["type"]: score["value"] for score in entry["results"][0]["metrics"]}
    assert values["accuracy"] == pytest.approx(metrics["accuracy"]["value"], abs=1e-4)
    assert values["f1"] == pytest.approx(metrics["macro_f1"]["value"], abs=1e-4)
    assert front_matter(card_of(project, replace(NOTHING, onnx=ONNX)))["library_name"] == "onnx"


def test_a_limit_says_where_the_reading_stands(project: Path) -> None:
    """What photo_pixels leaves out stands before its code, which is below; without code it is not.

    It is a limit of the files that are used with it.
    """
    card = card_of(project, replace(NOTHING, onnx=ONNX))
    assert 0 < card.index("`photo_pixels` below reads") < card.index("def photo_pixels(")
    assert "photo_pixels" not in card_of(project, NOTHING)


def test_every_class_has_its_errors(project: Path) -> None:
    """The counts of the table add up to the report's, with the interval of each rate."""
    predictions = example_predictions_of(project)
    metrics = example_metrics(project)
    rows = class_rows(predictions)
    assert [row.name for row in rows] == LABELS
    assert sum(row.errors for row in rows) == metrics["errors"] > 0
    assert sum(row.valid for row in rows) == metrics["images"]
    assert sum(row.train for row in rows) == len(predictions.train_paths)
    for row in rows:
        assert row.rate["low"] <= row.errors / row.valid <= row.rate["high"]
    card = card_of(project, NOTHING)
    for row in rows:
        assert f"| {row.train} | {row.valid} | {row.errors} | " in card


def test_confused_pairs_are_the_most_frequent_first(project: Path) -> None:
    """Each pair is two classes with at least one image, in falling order."""
    predictions = example_predictions_of(project)
    pairs = list(confused_pairs(predictions))
    counts = [count for _, _, count, _ in pairs]
    assert sum(counts) == example_metrics(project)["errors"]
    assert counts == sorted(counts, reverse=True)
    assert all(actual != predicted for actual, predicted, _, _ in pairs)
    perfect = replace(predictions, pred_probs=np.eye(3, dtype="float32")[predictions.targets])
    assert list(confused_pairs(perfect)) == []


def test_long_lists_of_classes_are_cut(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many classes those with the highest error are listed, and the card says so."""
    monkeypatch.setattr("stages.forms.card._CLASS_ROWS", 2)
    card = card_of(project, NOTHING)
    assert "These are the 2 of 3 classes with the highest error." in card
    assert "of 3 classes with" not in card_without_cut(project, monkeypatch)


def card_without_cut(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the card with room for every class."""
    monkeypatch.setattr("stages.forms.card._CLASS_ROWS", 3)
    return card_of(project, NOTHING)


def test_what_was_measured_stands_in_the_table(project: Path) -> None:
    """Each form has a row for presized photos and one for photos as they came, rounded up."""
    card = card_of(project, replace(NOTHING, onnx=ONNX, timm=TIMM, not_timm=""))
    assert "| `model.onnx` | 2.8 MB | as presized | 64 | 1 | 0.003 | 0.04 |" in card
    assert "| the same |  | as it came, reduced once | 64 | 1 | 0.003 | 0.04 |" in card
    assert 'create_model("local-dir:.", pretrained=True)' in card
    assert "no folder for timm" not in card


def test_what_to_install_stands_above_the_lines_that_need_it(project: Path) -> None:
    """Each program has a pip line with all that it and photo_pixels import; push precedes get."""
    card = card_of(project, replace(NOTHING, onnx=ONNX, timm=TIMM, not_timm=""))
    use = card.partition("## How to use it")[2]
    reading, *programs = re.findall(r"```python\n(.*?)```", use, re.DOTALL)
    installs = [set(line.split()) for line in re.findall(r"`pip install ([^`]+)`", use)]
    packages = {"onnxruntime": "onnxruntime", "timm": "timm", "transformers": "transformers"}
    assert len(programs) == len(installs) == len(packages)
    for program, installed, name in zip(programs, installs, packages, strict=True):
        assert re.search(rf"^(import|from) {name}\b", program, re.MULTILINE)
        assert {name, "pillow"} <= installed
    assert "from PIL" in reading
    assert "import numpy" in reading
    assert {"numpy", "pillow", "onnxruntime"} == installs[0]
    assert "once somebody has run\n`dvc push` there" in use


def test_what_there_is_not_is_said(project: Path) -> None:
    """Without a form there are no lines to load it, and the reason is there."""
    card = card_of(project, NOTHING)
    assert "There is no folder for timm and transformers: its network is cut." in card
    assert "```python" not in card
    assert "onnxruntime" not in card


@pytest.mark.parametrize("kept", [True, False])
def test_8_bits_have_their_test(project: Path, kept: bool) -> None:
    """The card has the counts of the paired test, and says where there is no file."""
    test = compare_paired(np.arange(100) < 60, np.arange(100) < 90)
    int8 = replace(ONNX, file="model.int8.onnx") if kept else None
    card = card_of(project, replace(NOTHING, onnx=ONNX, int8=int8, int8_test=test))
    assert "right alone on 0 and in 32 bits alone on 30 of 100 validation" in card
    assert ("so there is no file in 8 bits" in card) is not kept
    assert ("`model.int8.onnx` | 2.8 MB" in card) is kept


def test_with_bce_the_card_says_so(project: Path, tmp_path: Path) -> None:
    """Sigmoid, and that no class may fit, are told of a model that was trained with bce."""
    write_export_project(tmp_path, bce=True)
    card = card_of(tmp_path, replace(NOTHING, onnx=ONNX, timm=TIMM, not_timm=""), bce=True)
    assert "temperature and sigmoid are inside" in card
    assert ".sigmoid()[0]" in card
    assert "Each class answers by itself" in card
    assert "Each class answers by itself" not in card_of(project, NOTHING)


def test_names_are_text(tmp_path: Path) -> None:
    """No class name acts as markup, as HTML, as a mention or as a cell of a table."""
    labels = [*STRANGE_LABELS, "a | b", "`code`", "@someone", "[x](http://y)"]
    write_export_project(tmp_path, labels)
    card = card_of(tmp_path, NOTHING)
    front_matter(card)
    page = Rendered(card.split("---\n", 2)[2])
    assert page.live == []
    rows = re.findall(r"^\| [^\n]* \|$", card, re.MULTILINE)
    assert page.tags.count("tr") == len(rows)


@pytest.mark.parametrize(
    ("arch", "weights", "licence"),
    [
        ("efficientnet_lite0", "package", "apache-2.0"),
        ("test_resnet", "none", ""),
        ("mobilenet_v2", "hub", ""),  # torchvision states none
        ("test_resnet", "hub", "apache-2.0"),
    ],
)
def test_the_licence_is_that_of_published_weights(arch: str, weights: str, licence: str) -> None:
    """The licence is the one that timm records; of other weights none is known."""
    model, card = random_model(arch)
    params = card.params.model_copy(update={"weights": weights})
    assert weights_licence(model, replace(card, params=params)) == licence
