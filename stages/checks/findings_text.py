"""Findings as text: the table of classes with bars, then a paragraph for each finding."""

import re
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.base.plural import count_noun
from stages.checks.finding import Finding
from stages.dataset.split_files import SPLIT_VALUES

_MAX_CLASS_ROWS = 60  # of the table of classes
_MAX_LABEL_LENGTH = 40  # characters of a label there
_MAX_PATHS = 5  # lines of paths below a sentence
_MAX_EXCLUDED = 20  # lines of images that are kept out of training
_MAX_BAR_LENGTH = 36  # characters
_MARKS = {"train": "█", "valid": "▒", "test": "░", "excluded": "·"}


def findings_text(classes: pd.DataFrame, findings: Sequence[Finding]) -> str:
    """Return the counts, the classes with their bars, then each finding."""
    parts = [dataset_line(classes)]
    if len(classes):
        parts.append(class_table(classes))
    parts += [
        paragraph(f"{finding.severity}: {finding.message}", _unnamed(finding))
        for finding in findings
    ]
    return "\n\n".join(parts) + "\n"


def excluded_text(splits: pd.DataFrame) -> str:
    """Return a line for each image that is kept out of training: which it repeats, and how nearly.

    "" when there is none.
    """
    excluded = splits[splits["split"] == "excluded"]
    if excluded.empty:
        return ""
    pairs = zip(excluded["path"], excluded["reason"], strict=True)
    lines = [f"    {path}: {reason}" for path, reason in pairs]
    if len(lines) > _MAX_EXCLUDED:
        rest = f"    ... and {len(lines) - _MAX_EXCLUDED:,} more in data/splits.csv"
        lines = [*lines[:_MAX_EXCLUDED], rest]
    title = "Kept out of training; a difference of up to 1 is the same picture"
    return "\n".join([title, "", *lines, ""])


def dataset_line(classes: pd.DataFrame) -> str:
    """Return how many images and classes there are, and how many of them on each side."""
    splits = _splits_of(classes)
    total = count_noun(int(classes[splits].to_numpy().sum()), "image")
    sides = ", ".join(f"{classes[split].sum():,} {split}" for split in splits)
    return f"{total} in {count_noun(len(classes), 'class', 'classes')}: {sides}"


def class_table(classes: pd.DataFrame) -> str:
    """Return a line for each class: label, train, valid, excluded, and a bar of them.

    Of many classes it shows those with the fewest training images, where trouble begins.
    """
    many = len(classes) > _MAX_CLASS_ROWS
    shown = classes.nsmallest(_MAX_CLASS_ROWS, "train") if many else classes
    splits = _splits_of(classes)
    counts = shown[splits].to_numpy()
    marks_per_image = _MAX_BAR_LENGTH / max(1, counts.sum(axis=1).max())
    marks = "".join(_MARKS[split] for split in splits)
    rows = [["class", *splits, "  ".join(f"{_MARKS[split]} {split}" for split in splits)]]
    for label, class_counts in zip(shown["label"], counts, strict=True):
        name = textwrap.shorten(label, _MAX_LABEL_LENGTH, placeholder="...") or repr(label)
        numbers = [f"{count:,}" for count in class_counts]
        rows.append([name, *numbers, _bar(class_counts, marks, marks_per_image)])
    if many:
        larger = f"{len(classes) - len(shown)} larger classes in summary.json"
        rows.append([larger, *[""] * (len(splits) + 1)])
    totals = classes[splits].sum()
    rows.append(["all", *(f"{total:,}" for total in totals), ""])
    return aligned_table(rows, f"<{'>' * len(splits)}<")


def aligned_table(rows: Sequence[Sequence[str]], alignment: str) -> str:
    """Return rows as columns; alignment is < (left) or > (right) for each column.

    >>> print(aligned_table([["a", "10"], ["bc", "5"]], "<>"))
    a   10
    bc   5
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(row, alignment, widths, strict=True)
        line = "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells)
        lines.append(line.rstrip())
    return "\n".join(lines)


def paragraph(sentence: str, paths: Sequence[str] = ()) -> str:
    """Return a sentence, wrapped, with the first paths below it."""
    lines = textwrap.wrap(
        sentence, 96, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    lines += [f"    {path}" for path in paths[:_MAX_PATHS]]
    if len(paths) > _MAX_PATHS:
        lines.append(f"    ... and {len(paths) - _MAX_PATHS:,} more in summary.json")
    return "\n".join(lines)


def _unnamed(finding: Finding) -> tuple[str, ...]:
    """Return the paths of a finding; none where its sentence names each of them already."""
    named = (
        re.search(rf"(?<![^ ]){re.escape(path)}(?=[ ,;.]|$)", finding.message)
        for path in finding.paths
    )
    return () if all(named) else finding.paths


def _splits_of(classes: pd.DataFrame) -> list[str]:
    """Return the sides that the table of classes counts."""
    return [split for split in SPLIT_VALUES if split in classes]


def _bar(counts: np.ndarray, marks: str, marks_per_image: float) -> str:
    """Return marks in proportion to the counts (3,) or (4,); the rounded sum decides the length."""
    ends = np.rint(np.cumsum(counts) * marks_per_image).astype(int)
    lengths = np.diff(ends, prepend=0)
    return "".join(mark * length for mark, length in zip(marks, lengths, strict=True))
