"""Interpret: what the model gets wrong, how sure that is, and which labels to look at again.

Reads   data/predictions.npz, data/baseline.npz, data/presized/, data/manifest/images.csv,
        data/model/model.json, and the small reports of the stages before
Writes  reports/interpret/ (metrics.json, and a table a question), reports/index.html
Run     python -m stages.interpret
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from stages.base.errors import run_stage
from stages.base.files import write_csv, write_json, write_text
from stages.base.params import read_section, read_seed
from stages.dataset.duplicates import groups
from stages.dataset.manifest import read_images
from stages.dataset.store import Store
from stages.report.conditions import measure
from stages.report.confusion_figure import confusion_figures
from stages.report.figures import finder_figure, history_figure
from stages.report.html import Page, render
from stages.report.interpretation import Interpretation, InterpretParams, interpret
from stages.report.predictions import Predictions, read_baseline, read_predictions
from stages.report.thumbnails import overlays, picture, thumbnails
from stages.report.trust_figures import trust_figures
from stages.report.words import headline

PAGE, TABLES = Path("reports/index.html"), Path("reports/interpret")
PROBLEMS = ("reports/ingest/problems.csv", "reports/presize/rejected.csv")


def main() -> None:
    """Join what every stage left, and write the report."""
    params, store = read_section("interpret", InterpretParams), Store(Path("data/presized"))
    model = read_predictions("data/predictions.npz")
    probe = read_baseline("data/baseline.npz")
    properties = measure(model.paths, store.image, read_images(Path("data/manifest/images.csv")))
    result = interpret(model, probe, groups(store.index), properties, params, read_seed())

    write_json("reports/interpret/metrics.json", result.metrics)
    for name, table in result.tables().items():
        write_csv(TABLES / f"{name}.csv", table)
    write_text(PAGE, render(page_of(result, model, store)))
    print(f"{headline(result.metrics)} {PAGE}")


def page_of(result: Interpretation, predictions: Predictions, store: Store) -> Page:
    """Return what the page shows: this result beside what the stages before reported."""
    model, summary = read("data/model/model.json"), read("reports/datablock/summary.json")
    curve = pd.read_csv("reports/lr_find/curve.csv")
    suggestion = read("reports/lr_find/suggestion.json")
    return Page(
        result=result,
        thumbnails=thumbnails(result.shown(), store.image),
        overlays=overlays(result.shown(), predictions.map_of(), store.image),
        confusion=confusion_figures(result.classes["label"].to_numpy(), result.matrix),
        trust=trust_figures(result),
        batch=picture(Path("reports/datablock/batch.png"), 1400),
        epochs=picture(Path("reports/datablock/unique.png"), 1400),
        presizing=picture(Path("reports/datablock/presizing.png"), 1400),
        counts=summary["counts"],
        findings=summary["findings"],
        problems={name: pd.read_csv(name, dtype=str, na_filter=False) for name in PROBLEMS},
        suggestion=suggestion,
        finder=None if curve.empty else finder_figure(curve, suggestion["rules"], model["base_lr"]),
        history=history_figure(pd.read_csv("reports/fine_tune/history.csv")),
        provenance=model,
    )


def read(path: str) -> dict[str, Any]:
    """Return the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    run_stage(main)
