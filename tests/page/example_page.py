"""An example interpretation, and a page of it."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
from PIL import Image

from stages.page.content import CheckFinding, LearningRateSuggestion, Page, Reports, compose_page
from stages.stats.interpret_params import InterpretParams
from stages.stats.interpretation import Interpretation, interpret
from stages.stats.label_issues import rank_label_issues
from stages.stats.learning_curve import read_learning_curve
from stages.stats.photo_outlook import expect_errors
from stages.stats.predictions import Baseline, Predictions
from stages.stats.training_diagnosis import diagnose_training
from stages.stats.what_next import WhatNext, find_toss_ups, label_cost
from tests.example_results import (
    example_corrections,
    example_history,
    example_learning_curve,
    example_lr_curve,
    example_predictions,
    example_properties,
)

SHORT_LISTS = InterpretParams(top_losses=12, most_confused=5, suspects=9)


def _grey_image(path: str) -> np.ndarray:
    return np.full((9, 9, 3), 99, np.uint8)


def example_inputs(
    labels: list[str], paths: np.ndarray, right: float = 0.8, bce: bool = False
) -> tuple[Predictions, Baseline]:
    """Return predictions of these images, their labels in a random order."""
    targets = np.random.default_rng(0).permutation(len(paths)) % len(labels)
    return example_predictions(labels, targets, paths, right=right, bce=bce)


def example_interpretation(
    predictions: Predictions, baseline: Baseline, params: InterpretParams = SHORT_LISTS
) -> Interpretation:
    """Return the interpretation of example predictions, in which no photo is a duplicate."""
    groups = pd.Series(baseline.paths, baseline.paths)
    properties = example_properties(baseline.paths)
    issues = rank_label_issues(baseline, predictions, groups, params.suspects)
    result = interpret(predictions, baseline, issues, properties, params, seed=1)
    labels = baseline.class_names.tolist()
    curve = read_learning_curve(example_learning_curve(labels).astype(str))
    return result.with_next(
        WhatNext(
            photos=expect_errors(curve, np.random.default_rng(1)),
            labels=label_cost(predictions, result.label_issues),
            training=diagnose_training(example_history()),
            toss_ups=find_toss_ups(predictions, 1.0),
        )
    )


def example_page(
    labels: list[str],
    images: int = 100,
    right: float = 0.8,
    bce: bool = False,
    params: InterpretParams = SHORT_LISTS,
    read_image: Callable[[str], np.ndarray] = _grey_image,
) -> Page:
    """Return a page of photos with strange names, of which every fifth is for validation."""
    paths = np.array([f"<i>{number}</i> & \"'\r.jpg" for number in range(images)])
    predictions, baseline = example_inputs(labels, paths, right, bce)
    result = example_interpretation(predictions, baseline, params)
    hashes = pd.DataFrame({"path": paths, "sha256": [f"{n:064}" for n in range(images)]})
    with TemporaryDirectory() as folder:
        sheet = draw_sheet(Path(folder))
        reports = example_reports(sheet, paths.tolist(), labels)
        return compose_page(result, reports, hashes, baseline, predictions.map_of(), read_image)


def example_reports(sheet: Path, paths: list[str], labels: list[str]) -> Reports:
    """Return what the stages before interpret would have written, with markup in every text."""
    columns = ["path", "problem", "detail"]
    finding = CheckFinding(severity="warning", message="<u>odd</u>", paths=paths[:60], leak="")
    return Reports(
        summary={"counts": {"train": 80, "valid": 20}, "findings": [finding]},
        sheets=[sheet] * 3,
        problems={
            "reports/ingest/problems.csv": pd.DataFrame(
                [["a<b.jpg", "not an image", ""]], columns=columns
            )
        },
        corrections=example_corrections(paths, labels),
        suggestion=LearningRateSuggestion(reason=None, rules={"valley": 1e-3}),
        curve=example_lr_curve(),
        history=example_history(),
        model={"arch": "<em>", "vocab": labels, "base_lr": 1e-3, "none": None},  # type: ignore[typeddict-unknown-key] # the file holds more than the page reads by name
        params={"seed": 42, "augment": {"size": 96}},
        versions={"numpy": "2.4.9"},
    )


def draw_sheet(folder: Path) -> Path:
    """Write a small picture such as datablock draws, and return its path."""
    path = folder / "sheet.png"
    Image.new("RGB", (90, 60), "teal").save(path)
    return path


def svg_texts(svg: str) -> list[str]:
    """Return the texts in a figure, in their order."""
    return [element.text for element in ET.fromstring(svg).iter() if element.text]
