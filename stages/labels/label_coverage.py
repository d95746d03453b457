"""Label coverage: how many photos the rule labels, and whether that is enough to learn from."""

from collections.abc import Mapping, Sequence

from stages.base.echo import echo
from stages.base.errors import UserError, error_list
from stages.base.plural import count_noun
from stages.labels.labels import LabelParams, PhotoLabels
from stages.labels.nested_folders import FOLDER_WITHIN_CLASS
from stages.labels.sides import side_of_word

_SHOWN = 3  # names in a message
_ROWS_WITHOUT_PHOTO = ("row without photo", "absolute path", "path leaves the folder")


def require_labels(
    labels: PhotoLabels, rule: LabelParams, *, folder: str, paths: Sequence[str]
) -> None:
    """Refuse a rule that labels none of the images (paths); the error shows three of them."""
    if labels.labels:
        return
    shown = _list_names(paths)
    none = f"none of the {count_noun(len(paths), 'image')} in {folder}"
    if rule.by == "csv":
        head = f"{rule.csv} (ingest.label.csv) has a label for {none}"
        raise error_list(head, _csv_beside_photos(labels, rule.path_column, shown))
    if rule.by == "folder":
        raise UserError(
            f"{none} lies in a subfolder ({shown}); make a folder for each class,"
            " or set ingest.label.by to filename or csv"
        )
    raise UserError(
        f"ingest.label.regex {rule.regex} finds a label in {none}, such as {shown}; change it"
        f" so that its group catches the label (it looks at the {rule.on}: ingest.label.on),"
        " or set ingest.label.by to csv or folder"
    )


def require_classes(labels: Mapping[str, str]) -> None:
    """Refuse a set with fewer than two classes."""
    class_names = sorted(set(labels.values()))
    if not class_names:
        raise UserError("the corrections drop every image that has a label; keep two classes")
    if len(class_names) == 1:
        raise UserError(
            f"every image with a label ({len(labels):,}) is {echo(class_names[0])}, and a"
            " classifier needs two classes or more; see ingest.label and the corrections"
        )


def coverage_notes(labels: PhotoLabels, rule: LabelParams, *, folder: str) -> list[str]:
    """Return what is good to know about labels that are found: files without one, odd classes."""
    notes = []
    key = {"filename": "regex", "csv": "csv", "folder": "by"}[rule.by]
    without = [problem.path for problem in labels.unlabelled]
    if without:
        count = len(without) + len(labels.labels)
        notes.append(
            f"ingest.label.{key}: {len(without):,} of {count:,} photos get no label, such as"
            f" {_list_names(without)}"
        )
    rows = [problem for problem in labels.problems if problem.problem in _ROWS_WITHOUT_PHOTO]
    if rows:
        names = _list_names([problem.path for problem in rows])
        notes.append(
            f"ingest.label.csv: rows of {rule.csv} without a photo in {folder}:"
            f" {len(rows):,}, such as {names}"
        )
    notes += [
        f"ingest.label.csv: {problem.detail}" for problem in labels.problems if not problem.path
    ]
    notes += [
        f"ingest.label.by: {problem.path}: {problem.detail}"
        for problem in labels.problems
        if problem.problem == FOLDER_WITHIN_CLASS
    ]
    class_names = sorted(set(labels.labels.values()))
    if rule.by == "folder" and all(map(side_of_word, class_names)):
        notes.append(
            f"ingest.label.by: the classes would be {_list_names(class_names)}, which name sides"
            " of a split; photos need a folder of their class within, such as train/cat/1.jpg"
        )
    return notes


def _csv_beside_photos(labels: PhotoLabels, column: str, photos: str) -> list[str]:
    """Return what the column of paths holds, what photos there are, and how they would fit."""
    written = [p.path for p in labels.problems if p.problem in _ROWS_WITHOUT_PHOTO]
    holds = _list_names(written) if written else "no path"
    would_fit = [problem.detail for problem in labels.problems if not problem.path]
    return [f"its column {column!r} holds {holds}", f"the photos are {photos}", *would_fit]


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(map(echo, names[:_SHOWN]))
