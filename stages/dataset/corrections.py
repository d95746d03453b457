"""Corrections: what a person decided about single photos, laid over the labels of the rule.

A row holds only while it fits: sha256 is the photo's content when the decision was made, and ""
stands for any content. A label must be one that the rule gives to some photo, because a slip of
the pen would otherwise make a class of one; a new class is made where the labels come from.
Two rows for one photo cancel each other, since nobody can say which one was meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from stages.dataset.label_csv import Row, match_rows, read_rows
from stages.dataset.labels import Labelled, Problem, clean

COLUMNS = ("path", "sha256", "action", "label", "note")


@dataclass(frozen=True)
class Corrections:
    """The rows that fit, by path, and a problem for each row that does not."""

    relabelled: dict[str, str]  # path -> the right label
    dropped: dict[str, str]  # path -> note
    problems: list[Problem]


def read_corrections(
    file: Path, labels: Mapping[str, str], hashes: Mapping[str, str]
) -> Corrections:
    """Return the corrections that fit the photos (path -> sha256) and their labels."""
    rows, problems = read_rows(file, ",", COLUMNS, f"its columns are {', '.join(COLUMNS)}")
    found, strays = match_rows(rows, "path", sorted(hashes))
    problems += strays
    relabelled, dropped = {}, {}
    known = sorted(set(labels.values()))
    for path, same in found.items():
        complaint = _complaint(same, hashes[path], known)
        cells = same[0].cells
        if complaint:
            problems += [
                Problem(path, complaint[0], f"line {r.line}: {complaint[1]}") for r in same
            ]
        elif clean(cells["action"]) == "drop":
            dropped[path] = clean(cells["note"])
        else:
            relabelled[path] = clean(cells["label"])
    renamed = [p._replace(problem=f"correction: {p.problem}") for p in problems]
    return Corrections(relabelled, dropped, renamed)


def correct(given: Labelled, fixes: Corrections) -> Labelled:
    """Return the labels with the corrections on top; a corrected photo is no longer unlabelled."""
    labels = {
        path: label
        for path, label in {**given.labels, **fixes.relabelled}.items()
        if path not in fixes.dropped
    }
    settled = labels.keys() | fixes.dropped.keys()
    left = [problem for problem in given.unlabelled if problem.path not in settled]
    return replace(given, labels=labels, unlabelled=left)


def _complaint(rows: list[Row], sha256: str, known: list[str]) -> tuple[str, str] | None:
    """Return problem and detail when the rows for one photo cannot be applied."""
    if len(rows) > 1:
        return "two rows for one photo", "none is applied; keep the right one"
    cells = {column: clean(cell) for column, cell in rows[0].cells.items()}
    action, label = cells["action"], cells["label"]
    if cells["sha256"].lower() not in ("", sha256):
        return "content changed", "it was made for another content of this file; look again"
    if action not in ("relabel", "drop"):
        return "unknown action", f"{action!r} is neither relabel nor drop"
    if action == "relabel" and label not in known:
        near = get_close_matches(label, known, n=1)
        return "unknown label", f"no image has the label {label!r}" + (
            f"; did you mean {near[0]!r}?" if near else ""
        )
    return None
