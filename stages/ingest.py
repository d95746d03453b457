"""Ingest: what each photo is (images.csv), what it shows (labels.csv), and all problems.

Reads: the photos of ingest.images, the CSV ingest.label.csv, data/corrections.csv.
Writes: data/manifest/ (images.csv, labels.csv), reports/ingest/ (metrics.json and two tables).
Run: python -m stages.ingest
"""

from stages.base.environment import prepare_process

prepare_process()

from collections import Counter
from pathlib import Path

import pandas as pd

from stages.base.csv_file import write_csv
from stages.base.entry_point import run_stage
from stages.base.errors import error_list
from stages.base.files import write_json
from stages.base.params import read_section
from stages.base.plural import count_noun
from stages.base.terminal import say
from stages.cluster.cluster import open_workers
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.ingest_params import IngestParams
from stages.dataset.manifest import labels_table, write_images, write_labels
from stages.dataset.photo_files import other_file_rows, other_files, photo_files
from stages.dataset.placeholders import placeholder_problems
from stages.dataset.scan import Scan, require_images, require_readable
from stages.labels.corrections import Corrections, apply_corrections, read_corrections
from stages.labels.label_coverage import require_classes, require_labels
from stages.labels.label_rule import labels_by_rule
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem
from stages.labels.spellings import spelling_problems

PROBLEM_LIST = Path("reports/ingest/problems.csv")


def main() -> None:
    """List the photos of a folder, and their labels with a person's corrections on top."""
    params = read_section("ingest", IngestParams)
    with open_workers(say, params.images) as workers:
        scan = scan_photos(params.images, workers)
    require_images(scan, params.images)
    hashes = {file.path: file.sha256 for file in scan.facts if file.format}
    paths = list(hashes)
    photos = photo_files(scan.facts)
    others = other_files(scan.facts, photos)

    by_rule = labels_by_rule(params.label, paths)
    corrections = read_corrections(Path("data/corrections.csv"), by_rule.labels, hashes)
    final = apply_corrections(by_rule, corrections)
    problems = _list_problems(scan, final, corrections, hashes)

    # First of all, since it explains what may be refused next.
    dropped = [Problem(path, "dropped", note) for path, note in corrections.dropped.items()]
    rows = sorted(problems + dropped + other_file_rows(others))
    write_csv(PROBLEM_LIST, pd.DataFrame(rows, columns=Problem._fields))
    write_csv(Path("reports/ingest/corrections.csv"), corrections.table())
    require_readable(scan, params.images)
    require_labels(by_rule, params.label, folder=params.images, paths=paths)
    require_classes(final.labels)

    write_images(Path("data/manifest/images.csv"), pd.DataFrame(photos))
    labels = labels_table(final, params.label.by, corrections.relabelled)
    write_labels(Path("data/manifest/labels.csv"), labels)
    class_count = len(set(final.labels.values()))
    metrics = {
        "files": len(scan.facts),
        "images": len(paths),
        "labelled": len(final.labels),
        "classes": class_count,
        "bytes": sum(file.size for file in scan.facts),
        "not_photos": {extension: len(files) for extension, files in others.items()},
        "hidden": scan.hidden,
        "merged_rows": final.merged_rows,
        "corrections": corrections.counts(),
        "problems": dict(sorted(Counter(row.problem for row in problems).items())),
    }
    write_json(Path("reports/ingest/metrics.json"), metrics)

    problem_count = count_noun(len(problems), "problem")
    if problems:
        say(*error_list(f"{problem_count}:", [str(problem) for problem in problems]).lines)
    if applied := corrections.sentence():
        say(applied)
    beside = count_noun(len(scan.facts) - len(photos), "other file")
    kinds = ", ".join(f"{len(files):,} {extension}" for extension, files in others.items())
    say(
        f"{len(scan.facts):,} files: {len(final.labels):,} images with a label in"
        f" {class_count} classes, {len(photos) - len(paths):,} unreadable,"
        f"{f' {beside} ({kinds}),' if others else ''}"
        f" {problem_count} ({PROBLEM_LIST})"
    )


def _list_problems(
    scan: Scan, labels: PhotoLabels, corrections: Corrections, hashes: dict[str, str]
) -> list[Problem]:
    """Return all problems of files, labels and corrections, sorted."""
    of_files = [*scan.problems, *placeholder_problems(hashes, labels.labels)]
    of_labels = [*labels.unlabelled, *labels.problems, *spelling_problems(labels)]
    return sorted([*of_files, *of_labels, *corrections.problems])


if __name__ == "__main__":
    run_stage(main)
