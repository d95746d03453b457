"""What was counted and found: as text for people, and as JSON for programs."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from stages.checks.findings import SIDES, Finding, counted

CLASSES = 60  # lines of the table of classes
LABEL = 40  # characters of a label there
PATHS = 5  # lines of paths below a sentence
BAR = 36  # characters of the longest bar


def findings_text(classes: pd.DataFrame, findings: Sequence[Finding]) -> str:
    """Return what was counted and found: the classes with their bars, then each finding."""
    parts = [dataset_line(classes)]
    parts += [class_table(classes)] if len(classes) else []
    parts += [paragraph(f"{each.severity}: {each.message}", each.paths) for each in findings]
    return "\n\n".join(parts) + "\n"


def aligned_table(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Return rows as columns; sides holds < or > for each column.

    >>> print(aligned([["a", "10"], ["bc", "5"]], "<>"))
    a   10
    bc   5
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(row, sides, widths, strict=True)
        lines.append("  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip())
    return "\n".join(lines)


def findings_json(classes: pd.DataFrame, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the same for programs: counts, classes and findings."""
    counts = {side: int(classes[side].sum()) for side in SIDES} | {"classes": len(classes)}
    return {
        "counts": counts,
        "classes": classes.to_dict("records"),
        "findings": [asdict(finding) for finding in findings],
    }


def dataset_line(classes: pd.DataFrame) -> str:
    """Return how many images and classes there are, and how many of them on each side."""
    total = counted(int(classes[SIDES].to_numpy().sum()), "image")
    sides = ", ".join(f"{classes[side].sum():,} {side}" for side in SIDES)
    return f"{total} in {counted(len(classes), 'class', 'classes')}: {sides}"


def class_table(classes: pd.DataFrame) -> str:
    """Return a line for each class: label, train, valid, excluded, and a bar of the three.

    Of many classes it shows those with the fewest training images, where trouble begins.
    """
    few = classes if len(classes) <= CLASSES else classes.nsmallest(CLASSES, "train")
    numbers = few[SIDES].to_numpy()
    unit = BAR / max(1, numbers.sum(axis=1).max())
    rows = [["class", "train", "valid", "excluded", "█ train  ▒ valid  · excluded"]]
    for label, row in zip(few["label"], numbers, strict=True):
        name = textwrap.shorten(label, LABEL, placeholder="...") or repr(label)
        rows.append([name, *(f"{number:,}" for number in row), _bar(row, unit)])
    if len(few) < len(classes):
        rows.append([f"{len(classes) - len(few)} larger classes in summary.json", "", "", "", ""])
    totals = classes[SIDES].sum()
    rows.append(["all", *(f"{total:,}" for total in totals), ""])
    return aligned_table(rows, "<>>><")


def paragraph(sentence: str, paths: Sequence[str] = ()) -> str:
    """Return a sentence, wrapped, with the first paths below it."""
    lines = textwrap.wrap(
        sentence, 96, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    lines += [f"    {path}" for path in paths[:PATHS]]
    if len(paths) > PATHS:
        lines.append(f"    ... and {len(paths) - PATHS:,} more in summary.json")
    return "\n".join(lines)


def _bar(numbers: np.ndarray, unit: float) -> str:
    ends = np.rint(np.cumsum(numbers) * unit).astype(int)
    lengths = np.diff(ends, prepend=0)
    return "".join(mark * length for mark, length in zip("█▒·", lengths, strict=True))
