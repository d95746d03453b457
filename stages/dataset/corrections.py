"""Corrections: what a person decided about single photos, laid over the labels of the rule.

A row holds only while it fits: sha256 is the photo's content when the decision was made, and ""
stands for any content. The actions are
    relabel    to a label that the rule gives to some photo: a slip of the pen would otherwise make
               a class of one
    new class  to a label that no photo had; other rows may then relabel to it
    drop       the photo is not used
    keep       the label is right; when one is given, it holds for that label only
Two rows for one photo cancel each other, since nobody can say which one was meant.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from stages.dataset.label_csv import Row, match_rows, read_csv_rows
from stages.dataset.labels import Labelled, Problem, clean_label

CORRECTION_COLUMNS = ("path", "sha256", "action", "label", "note")
RELABEL, NEW, DROP, KEEP = "relabel", "new class", "drop", "keep"
ACTIONS = (RELABEL, NEW, DROP, KEEP)


class Decision(NamedTuple):
    """A row of the file and what became of it; its columns are the first five."""

    path: str  # as the photo is called here, or as written when there is no such photo
    sha256: str
    action: str
    label: str
    note: str
    before: str  # the label that the rule gives
    problem: str  # why the row does not fit; "" when it is applied
    detail: str
    line: int  # in the file


@dataclass(frozen=True)
class Corrections:
    """Every row of the file, and a problem for each that has no place in its columns."""

    decisions: list[Decision]
    malformed: list[Problem]

    def applied(self, *actions: str) -> list[Decision]:
        """Return the rows in force that have one of these actions."""
        return [
            row for row in self.decisions if not row.problem and clean_label(row.action) in actions
        ]

    @property
    def relabelled(self) -> dict[str, str]:
        """Return the right label by path."""
        return {row.path: clean_label(row.label) for row in self.applied(RELABEL, NEW)}

    @property
    def dropped(self) -> dict[str, str]:
        """Return the note by path."""
        return {row.path: clean_label(row.note) for row in self.applied(DROP)}

    @property
    def problems(self) -> list[Problem]:
        """Return a problem for each row that is not applied."""
        rows = [Problem(row.path, row.problem, row.detail) for row in self.decisions if row.problem]
        return [p._replace(problem=f"correction: {p.problem}") for p in self.malformed + rows]

    def counts(self) -> dict[str, int]:
        """Return how many photos were given another label, dropped, or looked at and kept."""
        kept = len(self.applied(KEEP))
        return {"relabelled": len(self.relabelled), "dropped": len(self.dropped), "kept": kept}

    def table(self) -> pd.DataFrame:
        """Return all rows with what became of each, in the order of the file."""
        return pd.DataFrame(self.decisions, columns=Decision._fields).drop(columns="line")


def read_corrections(
    file: Path, labels: Mapping[str, str], hashes: Mapping[str, str]
) -> Corrections:
    """Return the corrections of the photos (path -> sha256), which have labels by the rule."""
    rows, malformed = read_csv_rows(
        file, ",", CORRECTION_COLUMNS, f"its columns are {', '.join(CORRECTION_COLUMNS)}"
    )
    found, strays = match_rows(rows, "path", sorted(hashes))
    known = set(labels.values()) | _new_classes(found, hashes)
    decisions = []
    for path, same in found.items():
        before = labels.get(path, "")
        problem, detail = _complaint(same, hashes[path], before, known) or ("", "")
        decisions += [_decision(row, path, before, problem, detail) for row in same]
    lines = {decision.line for decision in decisions}
    astray = [row for row in rows if row.line not in lines]
    for row, stray in zip(astray, strays, strict=True):
        detail = stray.detail.partition(": ")[2]
        decisions.append(_decision(row, row.cells["path"], "", stray.problem, detail))
    return Corrections(sorted(decisions, key=lambda decision: decision.line), malformed)


def apply_corrections(given: Labelled, fixes: Corrections) -> Labelled:
    """Return the labels with the corrections on top; a corrected photo is no longer unlabelled."""
    relabelled, dropped = fixes.relabelled, fixes.dropped
    labels = {
        path: label for path, label in {**given.labels, **relabelled}.items() if path not in dropped
    }
    settled = labels.keys() | dropped.keys()
    left = [problem for problem in given.unlabelled if problem.path not in settled]
    return replace(given, labels=labels, unlabelled=left)


def _decision(row: Row, path: str, before: str, problem: str, detail: str) -> Decision:
    where = f"line {row.line}" + (f": {detail}" if detail else "")
    _, sha256, action, label, note = (row.cells[column] for column in CORRECTION_COLUMNS)
    cells = (path, sha256, action, label, note, before)
    return Decision(*cells, problem, where if problem else "", row.line)


def _new_classes(found: Mapping[str, list[Row]], hashes: Mapping[str, str]) -> set[str]:
    """Return the labels that rows which fit their photo bring as new ones."""
    return {
        clean_label(rows[0].cells["label"])
        for path, rows in found.items()
        if clean_label(rows[0].cells["action"]) == NEW and not _misfit(rows, hashes[path])
    }


def _complaint(
    rows: list[Row], sha256: str, before: str, known: Set[str]
) -> tuple[str, str] | None:
    """Return problem and detail when the rows for one photo cannot be applied."""
    if misfit := _misfit(rows, sha256):
        return misfit
    action, label = (clean_label(rows[0].cells[column]) for column in ("action", "label"))
    if action not in ACTIONS:
        return "unknown action", f"{action!r} is none of {', '.join(ACTIONS)}"
    if action == KEEP and label not in ("", before):
        return "label changed", f"it keeps {label!r}, and now the rule says {before!r}; look again"
    if action in (RELABEL, NEW) and (not label or label not in known):
        return "unknown label", _unknown(label, known)
    return None


def _misfit(rows: list[Row], sha256: str) -> tuple[str, str] | None:
    if len(rows) > 1:
        return "two rows for one photo", "none is applied; keep the right one"
    if clean_label(rows[0].cells["sha256"]).lower() not in ("", sha256):
        return "content changed", "it was made for another content of this file; look again"
    return None


def _unknown(label: str, known: Set[str]) -> str:
    near = get_close_matches(label, sorted(known), n=1)
    return f"no image has the label {label!r}" + (
        f"; did you mean {near[0]!r}?" if near else f"; if it is a new one, the action is {NEW}"
    )
