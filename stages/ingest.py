"""Ingest: what each photo is (images.csv), what it shows (labels.csv), and all that is amiss.

Reads: the folder ingest.images, the CSV ingest.label.csv, data/corrections.csv.
Writes: data/manifest/ (images.csv, labels.csv), reports/ingest/ (metrics.json and two tables).
Run: python -m stages.ingest
"""

from collections import Counter
from pathlib import Path

import pandas as pd

from stages.base.environment import workers
from stages.base.errors import error_list, run_stage
from stages.base.files import write_csv, write_json
from stages.base.params import read_section
from stages.dataset.corrections import apply_corrections, read_corrections
from stages.dataset.label_csv import read_labels_csv
from stages.dataset.labels import (
    IngestParams,
    Labelled,
    Problem,
    label_photos,
    require_classes,
    require_labels,
    similar_labels,
)
from stages.dataset.manifest import labels_table, write_images, write_labels
from stages.dataset.scan import require_images, scan_folder

PROBLEMS = Path("reports/ingest/problems.csv")


def main() -> None:
    """List the photos of a folder, and their labels with a person's corrections on top."""
    params = read_section("ingest", IngestParams)
    found, rule = scan_folder(Path(params.images), workers()), params.label
    require_images(found, params.images)
    hashes = {file.path: file.sha256 for file in found.facts if file.format}
    paths = list(hashes)
    rows = read_labels_csv(Path(rule.csv), rule, paths) if rule.reads_csv else Labelled()
    given = label_photos(paths, rule, rows)
    fixes = read_corrections(Path("data/corrections.csv"), given.labels, hashes)
    final = apply_corrections(given, fixes)
    problems = [*found.problems, *final.unlabelled, *final.problems, *fixes.problems]
    problems = sorted([*problems, *similar_labels(final.labels.values())])
    dropped = [Problem(path, "dropped", note) for path, note in fixes.dropped.items()]

    # First of all, since it explains what may be refused next.
    write_csv(PROBLEMS, pd.DataFrame(sorted(problems + dropped), columns=Problem._fields))
    write_csv(Path("reports/ingest/corrections.csv"), fixes.table())
    require_labels(given.labels, params, paths)
    require_classes(final.labels)
    write_images(Path("data/manifest/images.csv"), pd.DataFrame(found.facts))
    table = labels_table(final.labels, final.splits, rule.by, fixes.relabelled)
    write_labels(Path("data/manifest/labels.csv"), table)
    metrics = {
        "files": len(found.facts),
        "images": len(paths),
        "labelled": len(final.labels),
        "classes": len(set(final.labels.values())),
        "bytes": sum(file.size for file in found.facts),
        "hidden": found.hidden,
        "merged_rows": final.merged,
        "corrections": fixes.counts(),
        "problems": dict(sorted(Counter(row.problem for row in problems).items())),
    }
    write_json(Path("reports/ingest/metrics.json"), metrics)
    amiss = f"{len(problems):,} problem{'' if len(problems) == 1 else 's'}"
    if problems:
        print(error_list(f"{amiss}:", [*map(str, problems)]))
    print(
        f"{len(found.facts):,} files: {len(final.labels):,} images with a label in"
        f" {metrics['classes']} classes, {len(found.facts) - len(paths)} not images,"
        f" {amiss} ({PROBLEMS})"
    )


if __name__ == "__main__":
    run_stage(main)
