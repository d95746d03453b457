"""Interpret: scores with intervals, mistakes, calibration, label issues, and the page of them all.

Reads   data/predictions.npz, data/baseline.npz, data/presized/, data/manifest/images.csv,
        data/duplicates.csv, data/groups.csv, data/model/model.json, and reports of stages before
Writes  reports/interpret/ (metrics.json, details.json, and a table a question),
        reports/index.html, reports/report.md
Run     python -m stages.interpret
"""

from stages.base.environment import prepare_process

prepare_process()

from pathlib import Path

from stages.base.csv_file import write_csv
from stages.base.entry_point import run_stage
from stages.base.files import write_json, write_text
from stages.base.params import read_all_params, read_section, read_seed
from stages.base.seed import derive
from stages.base.terminal import say
from stages.base.yaml_file import read_yaml
from stages.dataset.duplicates import group_photos, read_duplicates
from stages.dataset.inseparable import groups_by_path
from stages.dataset.manifest import read_images
from stages.page.content import Reports, compose_page, read_json, read_report_table
from stages.page.formatting import headline
from stages.page.html import render_page
from stages.page.markdown import report_markdown
from stages.page.review import DECISION_COLUMNS
from stages.page.training_figures import CURVE_COLUMNS, HISTORY_COLUMNS
from stages.stats.compared_metrics import compared_metrics
from stages.stats.interpret_params import InterpretParams
from stages.stats.interpretation import interpret
from stages.stats.label_issues import rank_label_issues
from stages.stats.learning_curve import LEARNING_CURVE_COLUMNS, read_learning_curve
from stages.stats.photo_outlook import expect_errors
from stages.stats.predictions import read_baseline, read_predictions
from stages.stats.slices import image_properties
from stages.stats.training_diagnosis import diagnose_training
from stages.stats.what_next import WhatNext, find_toss_ups, label_cost
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
    group_of = groups_by_path(Path("data/groups.csv"))
    predictions = read_predictions("data/predictions.npz").with_groups(group_of)
    baseline = read_baseline("data/baseline.npz")
    reports = read_reports()

    originals = read_images(Path("data/manifest/images.csv"))
    properties = image_properties(predictions.paths, store.image, originals)
    del originals  # of a million photos 300 MB
    duplicates = read_duplicates(Path("data/duplicates.csv"))
    groups = group_photos(store.index["path"].tolist(), duplicates)
    issues = rank_label_issues(baseline, predictions, groups, params.suspects, reports.decided)
    result = interpret(predictions, baseline, issues, properties, params, read_seed())
    training = read_json("reports/fine_tune/recipe.json", "recipe", "trial")
    result = result.with_training(training["recipe"], training["trial"])
    curve = read_report_table("reports/baseline/learning_curve.csv", *LEARNING_CURVE_COLUMNS)
    result = result.with_next(
        WhatNext(
            photos=expect_errors(read_learning_curve(curve), derive(read_seed(), "what next")),
            labels=label_cost(predictions, result.label_issues),
            training=diagnose_training(reports.history),
            toss_ups=find_toss_ups(predictions, result.temperature),
        )
    )
    hashes = store.hashes().query("path in @baseline.paths")  # without the test images
    page = compose_page(result, reports, hashes, baseline, predictions.map_of(), store.image)

    write_json(_TABLES / "metrics.json", compared_metrics(result.metrics))
    write_json(_TABLES / "details.json", result.metrics)
    for name, table in result.tables().items():
        write_csv(_TABLES / f"{name}.csv", table)
    write_text(_PAGE, render_page(page))
    counts = reports.summary["counts"]
    write_text(_MARKDOWN, report_markdown(result, counts, page.data_key, page.notes))
    say(f"{headline(result.metrics)} {_PAGE}")


def read_reports() -> Reports:
    """Return the reports of the stages before, for the page."""
    return Reports(
        summary=read_json(_DATABLOCK / "summary.json", "counts", "findings"),
        sheets=[_DATABLOCK / f"{name}.png" for name in ("batch", "unique", "presizing")],
        problems={
            name: read_report_table(name, "path", "problem", "detail") for name in _PROBLEM_LISTS
        },
        corrections=read_report_table("reports/ingest/corrections.csv", *DECISION_COLUMNS),
        suggestion=read_json("reports/lr_find/suggestion.json", "rules", "reason"),
        curve=read_report_table("reports/lr_find/curve.csv", *CURVE_COLUMNS, text=False),
        history=read_report_table("reports/fine_tune/history.csv", *HISTORY_COLUMNS, text=False),
        model=read_json("data/model/model.json", "base_lr"),
        params=read_all_params(),
        versions=read_yaml(Path(__file__).with_name("packages.yaml")),
    )


if __name__ == "__main__":
    run_stage(main)
