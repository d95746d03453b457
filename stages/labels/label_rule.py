"""The label rule: how each photo gets its class, by its name, by its folder or by a CSV.

The CSV itself is read in label_csv.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from stages.labels.label_csv import read_labels_csv
from stages.labels.label_text import clean_label
from stages.labels.labels import LabelParams, PhotoLabels, cleaned_labels
from stages.labels.name_regex import catch_in_names
from stages.labels.nested_folders import nested_folders
from stages.labels.problem import Problem


def labels_by_rule(params: LabelParams, paths: Sequence[str]) -> PhotoLabels:
    """Return the labels that the rule gives, and the sides of the CSV, where it is used."""
    file = Path(params.csv)
    rows = read_labels_csv(file, params, paths) if params.reads_csv else PhotoLabels()
    labels = label_photos(paths, params, rows)
    if params.by != "folder":
        return labels
    return replace(labels, problems=[*labels.problems, *nested_folders(labels.labels)])


def label_photos(paths: Sequence[str], params: LabelParams, rows: PhotoLabels) -> PhotoLabels:
    """Label photos by the rule; the rows of the CSV add the split, whatever the rule."""
    if params.by == "csv":
        return rows
    by_name = by_filename(paths, params) if params.by == "filename" else by_folder(paths)
    return replace(
        rows, labels=by_name.labels, unlabelled=by_name.unlabelled, written=by_name.written
    )


def by_filename(paths: Sequence[str], params: LabelParams) -> PhotoLabels:
    """Label each path by what the regex catches in it, as in fastai's RegexLabeller (search)."""
    caught: dict[str, str] = {}
    unlabelled = []
    names = [path if params.on == "path" else path.rpartition("/")[2] for path in paths]
    found = catch_in_names(params.regex, names, "ingest.label.regex")
    for path, label in zip(paths, found, strict=True):
        if label and clean_label(label):
            caught[path] = label
        else:
            problem = "no match" if label is None else "empty label"
            unlabelled.append(Problem(path, problem, f"ingest.label.regex {params.regex}"))
    labels, written = cleaned_labels(caught)
    return PhotoLabels(labels, unlabelled, written=written)


def by_folder(paths: Iterable[str]) -> PhotoLabels:
    """Label each path by the folder that holds it; files at the top have no label."""
    labels, written = cleaned_labels({path: PurePosixPath(path).parent.name for path in paths})
    detail = "move it into a folder named as its class"
    unlabelled = [Problem(path, "no folder", detail) for path, label in labels.items() if not label]
    named = {path: label for path, label in labels.items() if label}
    return PhotoLabels(named, unlabelled, written=written)
