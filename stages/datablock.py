"""Datablock: split the set, check all of it, and trace one batch before anything is trained.

Reads: data/presized/, data/manifest/labels.csv.
Writes: data/splits.csv, data/test.csv, data/groups.csv, data/duplicates.csv, reports/datablock/
(summary.json, summary.txt, and three pictures).
Run: python -m stages.datablock
"""

from stages.base.environment import prepare_process

prepare_process()

import math
from pathlib import Path

import torch

from stages.base.entry_point import run_stage
from stages.base.errors import error_list
from stages.base.files import write_bytes, write_json, write_text
from stages.base.params import read_section, read_seed, read_value
from stages.base.terminal import say
from stages.batch.balance import BalanceName
from stages.batch.batches import BatchPlan
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.checks.batch_trace import trace_batch
from stages.checks.contact_sheet import batch_sheet, epochs_sheet, presizing_sheet
from stages.checks.dataset_findings import check_dataset
from stages.checks.epoch_views import views_over_epochs
from stages.checks.findings import count_classes
from stages.checks.findings_text import dataset_line, excluded_text, findings_text, paragraph
from stages.checks.resampling_loss import compare_resampling, resampling_text
from stages.checks.summary import count_duplicates, summarise_checks
from stages.checks.trace_log import trace_text
from stages.dataset.duplicates import find_duplicates, write_duplicates
from stages.dataset.inseparable import write_groups
from stages.dataset.manifest import read_labels
from stages.dataset.photo_groups import declared_groups
from stages.dataset.split_files import without_test, write_splits, write_test_set
from stages.dataset.split_params import DatablockParams
from stages.dataset.splits import assign_splits
from stages.model.classifier import build_classifier
from stages.model.model_params import ModelParams
from stages.store.reader import PHOTO_COLUMNS, Store, read_index
from stages.train.recipe import first_recipe

REPORT_FOLDER = Path("reports/datablock")
VIEWS_SHOWN = 11  # of one image, as training would draw them
PHOTOS_COMPARED = 6  # when resampled in two ways


def main() -> None:
    """Split the set, check all of it, and take one batch as far as the loss."""
    seed = read_seed()
    recipe = first_recipe(read_value("model.arch", str))
    batch_size = read_value("fine_tune.batch_size", int)
    balance = read_value("fine_tune.balance", BalanceName)
    params = read_section("datablock", DatablockParams)
    augment = read_section("augment", AugmentParams, recipe)
    model_params = read_section("model", ModelParams, recipe)

    store = Store(Path("data/presized"))
    labels = read_labels(Path("data/manifest/labels.csv"))
    images = read_index(store.folder, PHOTO_COLUMNS).merge(labels, on="path")
    images = images.assign(group=declared_groups(images, params.split.group))
    duplicates = find_duplicates(images, store.image, params.near_duplicates)
    write_duplicates(Path("data/duplicates.csv"), duplicates)
    all_splits = assign_splits(images, params, duplicates)
    splits = without_test(all_splits)  # what is looked at from here on
    images = images.drop(columns=["label", "split"]).merge(all_splits, on="path")
    write_splits(Path("data/splits.csv"), all_splits)
    write_test_set(Path("data/test.csv"), images.sort_values("path"))
    write_groups(Path("data/groups.csv"), without_test(images))
    classes = count_classes(all_splits)
    findings = check_dataset(images, duplicates, params, augment.size, store.image)
    # On the CPU, whatever the machine has: one batch is quick there, and always the same.
    model = build_classifier(model_params, max(1, len(classes)), seed, augment.size).train()
    cpu = torch.device("cpu")
    render = RenderSpec(size=augment.size, mean=model.mean, std=model.std, device=cpu)
    plan = BatchPlan(batch_size=batch_size, seed=seed, balance=balance)
    trace = trace_batch(splits, store.image, model, augment, render, plan)
    findings += trace.log.findings
    compared_paths = trace.log.paths[:PHOTOS_COMPARED] if trace.pixels is not None else []
    losses = compare_resampling(compared_paths, store.image, augment, seed)

    counts = count_duplicates(duplicates, all_splits)
    summary = summarise_checks(classes, counts, findings, trace.log.steps, losses)
    write_json(REPORT_FOLDER / "summary.json", summary)
    texts = [findings_text(classes, findings), excluded_text(splits)]
    texts += [trace_text(trace.log.steps), resampling_text(losses)]
    write_text(REPORT_FOLDER / "summary.txt", "\n".join(text for text in texts if text))
    if trace.pixels is not None:
        path = trace.log.paths[0]
        epochs = views_over_epochs(path, store.image(path), augment, seed, VIEWS_SHOWN)
        write_bytes(REPORT_FOLDER / "batch.png", batch_sheet(trace.pixels, trace.labels))
        write_bytes(REPORT_FOLDER / "unique.png", epochs_sheet(epochs, path, trace.labels[0]))
        write_bytes(REPORT_FOLDER / "presizing.png", presizing_sheet(losses))

    for finding in findings:
        if finding.severity == "warning":
            say(*paragraph(f"warning: {finding.message}").splitlines())
    if errors := [finding.message for finding in findings if finding.severity == "error"]:
        raise error_list("to mend before anything is trained:", errors)
    guessing = f"ln({len(classes)}) = {math.log(len(classes)):.2f}"
    say(f"{dataset_line(classes)}; loss {trace.loss:.2f} at the start, {guessing}")


if __name__ == "__main__":
    run_stage(main)
