"""Datablock: who trains and who validates, and a look at everything before anything is trained.

Reads: data/presized/, data/manifest/labels.csv.
Writes: data/splits.csv, reports/datablock/ (summary.json, summary.txt, and three pictures).
Run: python -m stages.datablock
"""

import math
from dataclasses import asdict
from pathlib import Path

import torch

from stages.base.errors import error_list, run_stage
from stages.base.files import write_bytes, write_json, write_text
from stages.base.params import read_section, read_seed, read_value
from stages.batch.loader import RenderSpec
from stages.batch.views import AugmentParams
from stages.checks.batch_trace import trace_batch, views_over_epochs
from stages.checks.contact_sheet import batch_sheet, epochs_sheet, presizing_sheet
from stages.checks.findings import blank_images, check_images, count_classes
from stages.checks.findings_text import dataset_line, findings_json, findings_text
from stages.checks.resampling_loss import compare_resampling, mean_losses, resampling_text
from stages.checks.trace_log import trace_text
from stages.dataset.duplicates import duplicate_groups
from stages.dataset.manifest import read_labels
from stages.dataset.splits import DatablockParams, assign_splits, write_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.store.reader import Store

REPORT = Path("reports/datablock")
EPOCHS, PHOTOS = 11, 6  # that the pictures of one image, and of the resampling, show


def main() -> None:
    """Split the set, check all of it, and take one batch as far as the loss."""
    seed, batch_size = read_seed(), read_value("fine_tune.batch_size", int)
    params = read_section("datablock", DatablockParams)
    augment, arch = read_section("augment", AugmentParams), read_section("model", ModelParams)

    store = Store(Path("data/presized"))
    images = store.index.merge(read_labels(Path("data/manifest/labels.csv")), on="path")
    images["group"] = images["path"].map(duplicate_groups(images))
    splits = assign_splits(images, params.split)
    write_splits(Path("data/splits.csv"), splits)
    classes = count_classes(splits)

    blank = blank_images(images, store.image)
    images = images.drop(columns=["label", "split"]).merge(splits, on="path")
    findings = check_images(images, augment.size, blank)
    # On the processor, whatever the machine has: one batch is quick there, and always the same.
    model = build_classifier(arch, max(1, len(classes)), seed, augment.size).train()
    look = RenderSpec(augment.size, model.mean, model.std, torch.device("cpu"))
    walk = trace_batch(splits, store.image, augment, look, batch_size, seed, model)
    findings += walk.log.findings
    shown = walk.log.paths[:PHOTOS] if walk.seen is not None else []
    compared = compare_resampling(shown, store.image, augment, seed)

    batch = {"steps": [asdict(step) for step in walk.log.steps], "presizing": mean_losses(compared)}
    write_json(REPORT / "summary.json", findings_json(classes, findings) | batch)
    text = [findings_text(classes, findings), trace_text(walk.log.steps), resampling_text(compared)]
    write_text(REPORT / "summary.txt", "\n".join(text))
    if walk.seen is not None:
        path, label = walk.log.paths[0], walk.labels[0]
        epochs = views_over_epochs(path, store.image(path), augment, seed, EPOCHS)
        write_bytes(REPORT / "batch.png", batch_sheet(walk.seen, walk.labels))
        write_bytes(REPORT / "unique.png", epochs_sheet(epochs, path, label))
        write_bytes(REPORT / "presizing.png", presizing_sheet(compared))

    for finding in findings:
        if finding.severity == "warning":
            print(f"warning: {finding.message}")
    if errors := [finding.message for finding in findings if finding.severity == "error"]:
        raise error_list("to mend before anything is trained:", errors)
    guess = f"ln({len(classes)}) = {math.log(len(classes)):.2f}"
    print(f"{dataset_line(classes)}; loss {walk.loss:.2f} at the start, {guess}")


if __name__ == "__main__":
    run_stage(main)
