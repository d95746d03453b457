"""Labels and sides that the paths of photos give, checked before a photo is read."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stages.base.bucket import Bucket
from stages.base.errors import UserError
from stages.base.params import YamlValue
from stages.compare.dvc_lock import read_lock
from stages.dataset.bucket_scan import list_paths
from stages.dataset.ingest_params import IngestParams
from stages.dataset.packed_folder import open_photos
from stages.dataset.photo_files import is_named_photo
from stages.dataset.split_params import SplitParams
from stages.labels.corrections import read_corrections_table
from stages.labels.csv_table import CsvTable, read_table
from stages.labels.label_conflicts import (
    FOLDERS,
    compare_photo_labels,
    folder_conflicts,
    source_words,
)
from stages.labels.label_coverage import coverage_notes, require_classes, require_labels
from stages.labels.label_csv import read_labels_csv
from stages.labels.label_rule import labels_by_rule
from stages.labels.labels import LabelParams, PhotoLabels
from stages.labels.proposal import Proposal
from stages.labels.sides import folder_sides
from stages.labels.spellings import spelling_problems
from stages.labels.table_guess import table_guesses
from stages.tools.check_corrections import CORRECTIONS, correction_notes, decided_photos
from stages.tools.start_folder import tables_near

_LOCK = Path("dvc.lock")
# The check is made before every run: a table of 30,000 rows and 1.5 MB took it 4.6 s on a busy
# machine. `make start` looks at larger ones.
_MOST_BYTES_OF_A_TABLE = 2 * 2**20


@dataclass(frozen=True)
class LabelCheck:
    """Lines about what cannot go on, and about what is allowed and yet good to know."""

    mistakes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)  # that ingest will not apply


def check_labels(
    ingest: IngestParams, split: SplitParams | None, *, listed: bool, sample: str = ""
) -> LabelCheck:
    """Return what the table of labels shows, and beside it the paths of the photos.

    listed: whether the folder has the photos already that ingest will find. sample: fetch.dataset,
    where the folder is that which fetch fills with it, in an earlier run perhaps.
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
            return _check_listed(ingest, split)
        if rule.reads_csv:
            read_labels_csv(table, rule, [])
        if sample:
            return LabelCheck(corrections=_sample_corrections(ingest, sample))
    except UserError as error:
        unnamed = "ingest.label" not in error.lines[0] and error.lines[0].startswith(str(table))
        key = "ingest.label.csv: " if unnamed else ""
        return LabelCheck([key + error.lines[0], *error.lines[1:]])
    return LabelCheck()


def _check_listed(ingest: IngestParams, split: SplitParams | None) -> LabelCheck:
    """Return notes about the labels of the listed photos; UserError where they cannot train."""
    folder = open_photos(ingest.images)
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
    own_table = Path(ingest.label.csv)
    tables, _ = tables_near(folder, ingest.images, files, own_table, _MOST_BYTES_OF_A_TABLE)
    notes += conflict_notes(labels, ingest.label, tables, decided_photos(labels.labels, files))
    local = None if isinstance(folder, Bucket) else folder
    return LabelCheck(
        notes=[*notes, *spellings], corrections=correction_notes(labels.labels, files, local)
    )


def conflict_notes(
    labels: PhotoLabels, rule: LabelParams, tables: Sequence[CsvTable], decided: Collection[str]
) -> Iterator[str]:
    """Yield where the labels of a rule contradict the folders, or a table that it does not read.

    decided: the photos about which a person decided, which are not compared.
    """
    kept = {path: label for path, label in labels.labels.items() if path not in decided}
    name = source_words(rule)
    sentences = []
    if name != FOLDERS and (found := folder_conflicts(list(kept), list(kept.values()))):
        sentences.append(found.sentence(name, FOLDERS))
    others = [table for table in tables if table.file != Path(rule.csv) or rule.by != "csv"]
    for guess in (guess for table in others for guess in table_guesses(list(kept), table, rule)):
        if isinstance(guess, Proposal):
            found = compare_photo_labels(guess.labels, PhotoLabels(kept))
            sentences.append(found.sentence(guess.rule.csv, name) if found else "")
    for sentence in filter(None, sentences):
        yield f"ingest.label.by: {sentence}; {name} {'is' if rule.by == 'csv' else 'are'} taken"


def _sample_corrections(ingest: IngestParams, sample: str) -> list[str]:
    """Return lines about corrections of a sample; none where this run will make another one."""
    if not _has_corrections() or _made_sample() != sample:
        return []
    files = list_paths(Path(ingest.images))
    if not files:
        return []
    labels = labels_by_rule(ingest.label, _photo_paths(files)).labels
    return correction_notes(labels, files, Path(ingest.images))


def _made_sample() -> YamlValue:
    """Return the fetch.dataset of the last run; None where dvc.lock does not say it."""
    try:
        lock = read_lock(_LOCK.read_bytes() if _LOCK.is_file() else None, str(_LOCK))
    except UserError:  # it is no input, and DVC refuses a damaged one
        return None
    fetch = (lock or {}).get("fetch")
    return fetch.params.get("fetch.dataset") if fetch else None


def _has_corrections() -> bool:
    """Return whether there is a row of corrections, in a file that can be read or not."""
    try:
        return len(read_corrections_table(CORRECTIONS).records) > 1
    except UserError:
        return True


def _photo_paths(paths: list[str]) -> list[str]:
    """Return the files that are named as photos are; all where none is."""
    return list(filter(is_named_photo, paths)) or paths
