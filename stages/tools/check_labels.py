"""Labels and sides that the paths of photos give, checked before a photo is read."""

from dataclasses import dataclass, field
from pathlib import Path

from stages.base.bucket import photo_folder
from stages.base.errors import UserError
from stages.dataset.bucket_scan import list_paths
from stages.dataset.ingest_params import IngestParams
from stages.dataset.photo_files import is_named_photo
from stages.dataset.splits import SplitParams
from stages.labels.corrections import read_corrections_table
from stages.labels.csv_table import read_table
from stages.labels.label_coverage import coverage_notes, require_classes, require_labels
from stages.labels.label_csv import read_labels_csv
from stages.labels.label_rule import labels_by_rule
from stages.labels.sides import folder_sides
from stages.labels.spellings import spelling_problems
from stages.tools.check_corrections import CORRECTIONS, correction_notes


@dataclass(frozen=True)
class LabelCheck:
    """Lines about what cannot go on, and about what is allowed and yet good to know."""

    mistakes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_labels(ingest: IngestParams, split: SplitParams | None, *, listed: bool) -> LabelCheck:
    """Return what the table of labels shows, and beside it the paths of the photos.

    listed: whether the folder has the photos already that ingest will find.
    """
    rule = ingest.label
    table = Path(rule.csv)
    if not rule.reads_csv and not table.is_file():
        missing = f"{table} is missing; a file with only its header will do"
        return LabelCheck([f"ingest.label.csv: {missing}"])
    try:
        if rule.reads_csv and not read_table(table, rule.delimiter).records[1:]:
            read_labels_csv(table, rule, [])  # refuses a wrong header
            return LabelCheck([f"ingest.label.csv: {table} has no rows; please list your photos"])
        if listed:
            return LabelCheck(notes=_label_notes(ingest, split))
        if rule.reads_csv:
            read_labels_csv(table, rule, [])
        if _is_there(ingest.images):  # as an earlier run made the sample
            return LabelCheck(notes=_sample_notes(ingest))
    except UserError as error:
        unnamed = "ingest.label" not in error.lines[0] and error.lines[0].startswith(str(table))
        key = "ingest.label.csv: " if unnamed else ""
        return LabelCheck([key + error.lines[0], *error.lines[1:]])
    return LabelCheck()


def _label_notes(ingest: IngestParams, split: SplitParams | None) -> list[str]:
    """Return notes about the labels of the listed photos; UserError where they cannot train."""
    folder = photo_folder(ingest.images)
    files = list_paths(folder)
    paths = _photo_paths(files)
    labels = labels_by_rule(ingest.label, paths)
    require_labels(labels, ingest.label, folder=ingest.images, paths=paths)
    if not _has_corrections():  # which may bring a class
        require_classes(labels.labels)
    if split and split.by == "folder":
        folder_sides(list(labels.labels))
    notes = coverage_notes(labels, ingest.label, folder=ingest.images)
    spellings = [f"{problem.problem}: {problem.detail}" for problem in spelling_problems(labels)]
    local = folder if isinstance(folder, Path) else None
    return [*notes, *spellings, *correction_notes(labels.labels, files, local)]


def _is_there(images: str) -> bool:
    """Return whether a local folder has a file; its other mistakes are found elsewhere."""
    folder = photo_folder(images)
    return isinstance(folder, Path) and folder.is_dir() and any(folder.iterdir())


def _sample_notes(ingest: IngestParams) -> list[str]:
    """Return notes about the corrections of photos that a stage made, and may make anew."""
    files = list_paths(photo_folder(ingest.images))
    labels = labels_by_rule(ingest.label, _photo_paths(files)).labels
    return correction_notes(labels, files, Path(ingest.images))


def _has_corrections() -> bool:
    """Return whether there is a row of corrections, in a file that can be read or not."""
    try:
        return len(read_corrections_table(CORRECTIONS).records) > 1
    except UserError:
        return True


def _photo_paths(paths: list[str]) -> list[str]:
    """Return the files that are named as photos are; all where none is."""
    return list(filter(is_named_photo, paths)) or paths
