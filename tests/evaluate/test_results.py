"""The results are made of judged photos, whichever model gave the answers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from stages.evaluate.known_photos import UnknownPhotos
from stages.evaluate.labelled_photos import LabelledPhotos
from stages.evaluate.results import EvaluationLimits, evaluation_results
from stages.labels.problem import Problem
from stages.predict.photo_source import PhotoSource
from stages.predict.trust import Trust
from tests.evaluate.example_evaluation import CLASSES, judged, unread
from tests.predict.small_model import make_photo


def test_metrics_table_and_page_are_about_the_same_photos(tmp_path: Path) -> None:
    """One wrong answer is one in the metrics, a row of the table, and a picture on the page."""
    source = PhotoSource("wrong", make_photo(tmp_path / "a.jpg"))
    photos = LabelledPhotos(
        sources=[source, PhotoSource("right", tmp_path / "gone"), PhotoSource("bad", b"")],
        labels={"wrong": "cat", "right": "cat", "bad": "cat"},
        unlabelled=[Problem("stray", "no folder", "")],
    )
    classifier = SimpleNamespace(class_names=CLASSES, presize=48, may_refuse=False)
    model: Any = SimpleNamespace(classifier=classifier, trust=Trust(lines=()))
    found = evaluation_results(
        photos,
        [judged("wrong", predicted="dog"), judged("right"), unread("bad")],
        model,
        UnknownPhotos("no lock"),
        EvaluationLimits(top=2, mistakes=5, seed=42),
    )
    assert (found.metrics["errors"], found.metrics["images"]) == (1, 2)
    assert found.metrics["counts"]["photos"] == 4
    assert [line.split(",")[0] for line in found.table.splitlines()] == [
        "path", "wrong", "right", "bad", "stray",
    ]  # fmt: skip
    assert found.page.count("<img ") == 1
    assert "no lock" in found.page
