"""What the page is made of, before it is rendered."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.page.content import Page, Reports, compose_page, data_key, read_json, read_report_table
from stages.page.html import render_page
from tests.page.example_page import (
    draw_sheet,
    example_inputs,
    example_interpretation,
    example_page,
    example_reports,
)

PATHS = np.array([f"{number}.jpg" for number in range(100)])
HASHES = pd.DataFrame({"path": PATHS, "sha256": [f"{n:064}" for n in range(100)]})


def black_image(path: str) -> np.ndarray:
    """Return small pixels, whatever the path."""
    return np.zeros((9, 9, 3), np.uint8)


@pytest.fixture(scope="module")
def page() -> Page:
    """Return a page of three classes."""
    return example_page(["a", "b", "c"])


def test_every_picture_on_the_page_is_there_once(page: Page) -> None:
    """Each path that a section shows has a thumbnail, and no other path has one."""
    assert set(page.thumbnails) == set(page.result.picture_paths())
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in page.thumbnails.values())


def test_only_mistakes_have_saliency_overlays(page: Page) -> None:
    """Overlays are drawn for the top losses and the confident mistakes."""
    mistakes = [*page.result.top_losses["path"], *page.result.confident_mistakes["path"]]
    assert set(page.overlays) == set(mistakes)


def test_images_have_the_numbers_of_the_review(page: Page) -> None:
    """A card names its image by its index in the review's data."""
    for path, number in page.image_numbers.items():
        assert page.review["images"][number]["path"] == path
    assert len(page.image_numbers) == len(page.review["images"])


def test_provenance_names_data_params_and_packages(page: Page) -> None:
    """The first title has the fingerprint of the data and every fact of the model."""
    assert page.provenance == {
        "Data and model": {"data": page.data_key, **page.reports.model},
        "Params": {"seed": 42, "augment": {"size": 96}},
        "Packages": {"numpy": "2.4.9"},
    }
    assert page.review["key"] == page.data_key


def page_with(folder: Path, change: Callable[[Reports], Reports]) -> Page:
    """Return a page without saliency maps, of changed reports."""
    labels = ["a", "b"]
    predictions, baseline = example_inputs(labels, PATHS)
    result = example_interpretation(predictions, baseline)
    reports = change(example_reports(draw_sheet(folder), PATHS.tolist(), labels))
    return compose_page(result, reports, HASHES, baseline, {}, black_image)


def test_a_skipped_sweep_has_no_figure(tmp_path: Path) -> None:
    """Without rows in the curve there is no finder's figure; the history is drawn all the same."""
    page = page_with(tmp_path, lambda reports: replace(reports, curve=reports.curve.head(0)))
    assert page.lr_finder is None
    assert page.rate.startswith("The learning rate is 0.001, which fine_tune.base_lr: auto takes")
    assert page.history is not None
    assert page.history.startswith("<svg")
    assert page.overlays == {}


def test_a_picture_too_few_is_an_error(tmp_path: Path) -> None:
    """Every caption needs its picture."""
    sheet = draw_sheet(tmp_path)
    predictions, baseline = example_inputs(["a", "b"], PATHS)
    result = example_interpretation(predictions, baseline)
    reports = replace(example_reports(sheet, PATHS.tolist(), ["a", "b"]), sheets=[sheet] * 2)
    with pytest.raises(ValueError, match="zip"):
        compose_page(result, reports, HASHES, baseline, {}, black_image)


def test_the_key_is_of_images_and_labels_alone() -> None:
    """Other predictions and another order of rows keep it; another label or content changes it."""
    _, baseline = example_inputs(["a", "b"], PATHS)
    key = data_key(HASHES, baseline)
    _, other_predictions = example_inputs(["a", "b"], PATHS, right=0.5)
    assert data_key(HASHES, other_predictions) == key
    assert data_key(HASHES.iloc[::-1], baseline) == key
    order = np.argsort(PATHS)[::-1]
    turned = replace(baseline, paths=baseline.paths[order], targets=baseline.targets[order])
    assert data_key(HASHES, turned) == key
    _, other_labels = example_inputs(["a", "c"], PATHS)
    assert data_key(HASHES, other_labels) != key
    assert data_key(HASHES.replace(f"{7:064}", "f" * 64), baseline) != key


def test_json_is_read_as_it_stands(tmp_path: Path) -> None:
    """Text of any script and missing values come through."""
    (tmp_path / "a.json").write_text('{"دجاجة": [1, null, 0.5]}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"دجاجة": [1, None, 0.5]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing"),
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[1]", "lacks counts, findings"),
        (b'{"counts": {}}', "lacks findings"),
    ],
)
def test_a_damaged_report_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A report that is missing, no JSON, or without a key that the page needs is one line."""
    path = tmp_path / "summary.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"summary\.json {words}.*; dvc repro makes it"):
        read_json(path, "counts", "findings")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing"),
        (b"", "cannot be read"),
        (b"\x89PNG\xff", "cannot be read"),
        (b"lr,loss\n1,2\n", "lacks smoothed"),
    ],
)
@pytest.mark.parametrize("text", [True, False])
def test_a_damaged_table_is_named(
    tmp_path: Path, content: bytes | None, words: str, text: bool
) -> None:
    """A table that is missing, no CSV, or without a column that the page needs is one line."""
    path = tmp_path / "curve.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"curve\.csv {words}.*; dvc repro makes it"):
        read_report_table(path, "lr", "smoothed", text=text)


def test_a_table_has_numbers_or_text(tmp_path: Path) -> None:
    """Numbers are numbers where they are wanted, and a label such as 007 stays text."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n007,NA\n")
    assert read_report_table(path, "a").to_dict("records") == [{"a": "007", "b": "NA"}]
    assert read_report_table(path, text=False)["a"].tolist() == [7]


def test_without_training_there_is_no_figure_of_it(tmp_path: Path) -> None:
    """Where the model is the probe the history has no rows, and the page no figure of them."""
    page = page_with(tmp_path, lambda reports: replace(reports, history=reports.history.head(0)))
    assert page.history is None
    assert page.diagnosis == []
    assert "Nothing was trained" in render_page(page)
