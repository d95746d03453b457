"""Interpret: scores with intervals, mistakes, calibration, label issues, and the page of them all.

Reads   data/predictions.npz, data/baseline.npz, data/presized/, data/manifest/images.csv,
        data/model/model.json, and the small reports of the stages before
Writes  reports/interpret/ (metrics.json, and a table a question), reports/index.html,
        reports/report.md
Run     python -m stages.interpret
"""

from stages.base.environment import prepare_process

prepare_process()

from pathlib import Path

import pandas as pd

from stages.base.entry_point import run_stage
from stages.base.files import read_text_csv, write_csv, write_json, write_text
from stages.base.params import read_all_params, read_section, read_seed, read_yaml
from stages.dataset.duplicates import duplicate_groups
from stages.dataset.manifest import read_images
from stages.page.content import Reports, compose_page, read_json
from stages.page.formatting import headline
from stages.page.html import render_page
from stages.page.markdown import report_markdown
from stages.stats.interpretation import InterpretParams, interpret
from stages.stats.predictions import read_baseline, read_predictions
from stages.stats.slices import image_properties
from stages.store.reader import Store

_PAGE = Path("reports/index.html")
_MARKDOWN = Path("reports/report.md")
_TABLES = Path("reports/interpret")
_DATABLOCK = Path("reports/datablock")
_PROBLEM_LISTS = ("reports/ingest/problems.csv", "reports/presize/rejected.csv")


def main() -> None:
    """Interpret the predictions, and write metrics, tables and the page."""
    params = read_section("interpret", InterpretParams)
    store = Store(Path("data/presized"))
    predictions = read_predictions("data/predictions.npz")
    baseline = read_baseline("data/baseline.npz")
    images = read_images(Path("data/manifest/images.csv"))
    reports = read_reports()

    properties = image_properties(predictions.paths, store.image, images)
    groups = duplicate_groups(store.index)
    result = interpret(predictions, baseline, groups, properties, params, read_seed())
    page = compose_page(result, reports, store.index, baseline, predictions.map_of(), store.image)

    write_json(_TABLES / "metrics.json", result.metrics)
    for name, table in result.tables().items():
        write_csv(_TABLES / f"{name}.csv", table)
    write_text(_PAGE, render_page(page))
    write_text(_MARKDOWN, report_markdown(result, reports.summary["counts"], page.data_key))
    print(f"{headline(result.metrics)} {_PAGE}")


def read_reports() -> Reports:
    """Return the reports of the stages before, for the page."""
    return Reports(
        summary=read_json(_DATABLOCK / "summary.json"),
        sheets=[_DATABLOCK / f"{name}.png" for name in ("batch", "unique", "presizing")],
        problems={name: read_text_csv(Path(name)) for name in _PROBLEM_LISTS},
        corrections=read_text_csv(Path("reports/ingest/corrections.csv")),
        suggestion=read_json("reports/lr_find/suggestion.json"),
        curve=pd.read_csv("reports/lr_find/curve.csv"),
        history=pd.read_csv("reports/fine_tune/history.csv"),
        model=read_json("data/model/model.json"),
        params=read_all_params(),
        versions=read_yaml(Path(__file__).with_name("packages.yaml")),
    )


if __name__ == "__main__":
    run_stage(main)
