"""Interpret: what the model gets wrong, how sure that is, and which labels to look at again.

Reads   data/predictions.npz, data/baseline.npz, data/presized/, data/manifest/images.csv,
        data/model/model.json, and the small reports of the stages before
Writes  reports/interpret/ (metrics.json, and a table a question), reports/index.html,
        reports/report.md
Run     python -m stages.interpret
"""

from pathlib import Path

import pandas as pd

from stages.base.errors import run_stage
from stages.base.files import write_csv, write_json, write_text
from stages.base.params import read_section, read_seed, read_value, read_yaml
from stages.dataset.duplicates import duplicate_groups
from stages.dataset.manifest import read_images
from stages.page.content import Reports, compose_page, read_json, read_rows
from stages.page.html import render_page
from stages.page.markdown import report_markdown
from stages.page.words import headline
from stages.stats.interpretation import InterpretParams, interpret
from stages.stats.predictions import read_baseline, read_predictions
from stages.stats.slices import image_properties
from stages.store.reader import Store

PAGE, TABLES = Path("reports/index.html"), Path("reports/interpret")
PROBLEMS = ("reports/ingest/problems.csv", "reports/presize/rejected.csv")
DATABLOCK = Path("reports/datablock")


def main() -> None:
    """Join what every stage left, and write the report."""
    params, store = read_section("interpret", InterpretParams), Store(Path("data/presized"))
    model = read_predictions("data/predictions.npz")
    probe = read_baseline("data/baseline.npz")
    properties = image_properties(
        model.paths, store.image, read_images(Path("data/manifest/images.csv"))
    )
    result = interpret(model, probe, duplicate_groups(store.index), properties, params, read_seed())
    page = compose_page(result, read_reports(), store.index, probe, model.map_of(), store.image)

    write_json("reports/interpret/metrics.json", result.metrics)
    for name, table in result.tables().items():
        write_csv(TABLES / f"{name}.csv", table)
    write_text(PAGE, render_page(page))
    write_text(
        "reports/report.md", report_markdown(result, page.reports.summary["counts"], page.key)
    )
    print(f"{headline(result.metrics)} {PAGE}")


def read_reports() -> Reports:
    """Return what the stages before left for the page."""
    params = {
        "seed": read_seed(), "fetch": read_value("fetch", dict),
        "ingest": read_value("ingest", dict), "presize": read_value("presize", dict),
        "datablock": read_value("datablock", dict), "augment": read_value("augment", dict),
        "model": read_value("model", dict), "lr_find": read_value("lr_find", dict),
        "fine_tune": read_value("fine_tune", dict), "interpret": read_value("interpret", dict),
    }  # fmt: skip
    return Reports(
        summary=read_json(DATABLOCK / "summary.json"),
        sheets=(DATABLOCK / "batch.png", DATABLOCK / "unique.png", DATABLOCK / "presizing.png"),
        problems={name: read_rows(name) for name in PROBLEMS},
        decided=read_rows("reports/ingest/corrections.csv"),
        suggestion=read_json("reports/lr_find/suggestion.json"),
        curve=pd.read_csv("reports/lr_find/curve.csv"),
        history=pd.read_csv("reports/fine_tune/history.csv"),
        model=read_json("data/model/model.json"),
        params=params,
        versions=read_yaml(Path(__file__).with_name("packages.yaml")),
    )


if __name__ == "__main__":
    run_stage(main)
