"""Corrections: what a person decided about single photos, laid over the labels of the rule.

A row is applied only while it fits: sha256 is the photo's content at the time of the decision, and
"" stands for any content. The actions are
    relabel    to a label that the rule gives to some photo: a typing mistake would otherwise make
               a class of one
    new class  to a label that no photo had; other rows may then relabel to it
    drop       the photo is not used
    keep       the label is right; when one is given, it holds for that label only
Two rows for one photo cancel each other, since nobody can say which one was meant. Case and spaces
of an action and of a column's name do not matter, and a spreadsheet may part columns by ; or a tab.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from stages.base.correction_actions import ACTIONS, DROP, GIVE_LABEL, KEEP, NEW_CLASS
from stages.base.echo import echo
from stages.base.errors import UserError
from stages.base.plural import count_noun
from stages.labels.csv_match import match_rows
from stages.labels.csv_table import CsvRow, CsvTable, parse_table, read_text
from stages.labels.label_text import clean_label
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem

CORRECTION_COLUMNS = ("path", "sha256", "action", "label", "note")
_DELIMITERS = (",", ";", "\t")


class Decision(NamedTuple):
    """A row of the file and what became of it; its columns are the first five."""

    path: str  # as the photo is called here, or as written when there is no such photo
    sha256: str
    action: str  # one of ACTIONS, or as written when it is none
    label: str
    note: str
    before: str  # the label that the rule gives
    problem: str  # why the row does not fit; "" when it is applied
    detail: str
    line: int  # in the file


@dataclass(frozen=True)
class Corrections:
    """Every row of the file, and the problems of those with cells outside its columns."""

    decisions: list[Decision]
    malformed: list[Problem]  # and the ways in which paths were adjusted, without a path

    def applied(self, *actions: str) -> list[Decision]:
        """Return the rows in force that have one of these actions."""
        return [row for row in self.decisions if not row.problem and row.action in actions]

    @property
    def relabelled(self) -> dict[str, str]:
        """Return the right label by path."""
        return {row.path: clean_label(row.label) for row in self.applied(*GIVE_LABEL)}

    @property
    def dropped(self) -> dict[str, str]:
        """Return the note by path."""
        return {row.path: clean_label(row.note) for row in self.applied(DROP)}

    @property
    def problems(self) -> list[Problem]:
        """Return a problem for each row that is not applied."""
        refused = [
            Problem(row.path, row.problem, row.detail) for row in self.decisions if row.problem
        ]
        return [
            problem._replace(problem=f"correction: {problem.problem}")
            for problem in self.malformed + refused
        ]

    def counts(self) -> dict[str, int]:
        """Return how many photos were given another label, were dropped, or keep their label."""
        return {
            "relabelled": len(self.relabelled),
            "dropped": len(self.dropped),
            "kept": len(self.applied(KEEP)),
        }

    def sentence(self) -> str:
        """Return how many rows are applied, "" where the file has none."""
        rows = len(self.decisions)
        applied = sum(self.counts().values())
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.counts().items())
        return f"{applied:,} of {count_noun(rows, 'correction')} applied: {kinds}" if rows else ""

    def table(self) -> pd.DataFrame:
        """Return all rows with what became of each, in the order of the file."""
        return pd.DataFrame(self.decisions, columns=Decision._fields).drop(columns="line")


def read_corrections(
    file: Path, labels: Mapping[str, str], hashes: Mapping[str, str | None]
) -> Corrections:
    """Return the corrections of the photos, which have labels by the rule.

    hashes: path -> sha256, None where it is not known, and then the row's is not compared. It is
    looked up for rows with a sha256 alone, since computing it may take reading the photo.
    """
    rows, malformed = read_corrections_table(file).rows(CORRECTION_COLUMNS)
    matched = match_rows(rows, "path", sorted(hashes), renamed=False)
    known_labels = set(labels.values()) | _new_classes(matched.by_path, hashes)
    decisions = []
    for path, same_path in matched.by_path.items():
        before = labels.get(path, "")
        problem = _refusal(path, same_path, hashes, before, known_labels)
        decisions += [_decision(row, path, before, problem) for row in same_path]
    for row, problem in matched.unmatched:
        # Without the line, which a decision's detail begins with.
        detail = problem.detail.partition(": ")[2]
        decisions.append(_decision(row, row.cells["path"], "", problem._replace(detail=detail)))
    decisions.sort(key=lambda decision: decision.line)
    return Corrections(decisions, [*malformed, *matched.adjusted])


def read_corrections_table(file: Path) -> CsvTable:
    """Return the table of corrections; UserError when the file is none."""
    text = read_text(file)
    for delimiter in _DELIMITERS:
        # By another delimiter than its own, a right table may well have wrong quotes.
        with suppress(UserError):
            table = parse_table(file, text, delimiter)
            if not table.absent(CORRECTION_COLUMNS):
                return table
    by_comma = parse_table(file, text, _DELIMITERS[0])
    header = echo(_DELIMITERS[0].join(by_comma.header))
    absent = by_comma.absent(CORRECTION_COLUMNS)
    columns = ", ".join(CORRECTION_COLUMNS)
    raise UserError(f"{file}: {absent} ({header}); its columns are {columns}")


def apply_corrections(by_rule: PhotoLabels, corrections: Corrections) -> PhotoLabels:
    """Return the labels with the corrections on top; a corrected photo is no longer unlabelled."""
    dropped = corrections.dropped
    corrected = {**by_rule.labels, **corrections.relabelled}
    labels = {path: label for path, label in corrected.items() if path not in dropped}
    settled = labels.keys() | dropped.keys()
    unlabelled = [problem for problem in by_rule.unlabelled if problem.path not in settled]
    written = {
        path: text for path, text in by_rule.written.items() if path not in corrections.relabelled
    }
    return replace(by_rule, labels=labels, unlabelled=unlabelled, written=written)


def _decision(row: CsvRow, path: str, before: str, problem: Problem | None) -> Decision:
    """Return a row with the reason why it is refused, if it is."""
    _, sha256, written, label, note = (row.cells[column] for column in CORRECTION_COLUMNS)
    action = _action(row) if _action(row) in ACTIONS else written
    if problem is None:
        return Decision(path, sha256, action, label, note, before, "", "", row.line)
    detail = f"line {row.line}" + (f": {problem.detail}" if problem.detail else "")
    return Decision(path, sha256, action, label, note, before, problem.problem, detail, row.line)


def _action(row: CsvRow) -> str:
    return clean_label(row.cells["action"].replace("_", " ")).casefold()


def _new_classes(
    rows_by_path: Mapping[str, Sequence[CsvRow]], hashes: Mapping[str, str | None]
) -> set[str]:
    """Return the labels that rows which fit their photo bring as new ones."""
    return {
        clean_label(rows[0].cells["label"])
        for path, rows in rows_by_path.items()
        if _action(rows[0]) == NEW_CLASS and not _misfit(path, rows, hashes)
    }


def _refusal(
    path: str,
    rows: Sequence[CsvRow],
    hashes: Mapping[str, str | None],
    before: str,
    known_labels: AbstractSet[str],
) -> Problem | None:
    """Return why the rows for one photo cannot be applied, None when they can."""
    if misfit := _misfit(path, rows, hashes):
        return misfit
    action = _action(rows[0])
    label = clean_label(rows[0].cells["label"])
    if action not in ACTIONS:
        written = echo(clean_label(rows[0].cells["action"]))
        detail = f"{written} is none of {', '.join(ACTIONS)}"
        return Problem(path, "unknown action", detail)
    if action == KEEP and label not in ("", before):
        detail = f"it keeps {echo(label)}, and now the rule says {echo(before)}; look again"
        return Problem(path, "label changed", detail)
    if action in GIVE_LABEL and (not label or label not in known_labels):
        return Problem(path, "unknown label", _unknown_label_detail(label, known_labels))
    return None


def _misfit(path: str, rows: Sequence[CsvRow], hashes: Mapping[str, str | None]) -> Problem | None:
    """Return why the rows do not fit the photo, whatever their action."""
    if len(rows) > 1:
        detail = "none is applied; keep the right one"
        return Problem(path, "two rows for one photo", detail)
    written = clean_label(rows[0].cells["sha256"]).lower()
    if written and hashes[path] not in (None, written):
        detail = "it was made for another content of this file; look again"
        return Problem(path, "content changed", detail)
    return None


def _unknown_label_detail(label: str, known_labels: AbstractSet[str]) -> str:
    similar = get_close_matches(label, sorted(known_labels), n=1)
    if similar:
        return f"no image has the label {echo(label)}; did you mean {echo(similar[0])}?"
    new = f"if it is a new one, the action is {NEW_CLASS}"
    return f"no image has the label {echo(label)}; {new}"
