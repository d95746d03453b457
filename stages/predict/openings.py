"""Openings of the test set: a line for each in openings.csv, which git keeps and nobody rewrites.

A figure is that of a set nobody looked at once. Whoever has seen it, and changes something, and
looks again, chooses by the test set as by any other. So every opening is counted, by the commit
and the model that it is of.
"""

from pathlib import Path
from typing import NamedTuple

from stages.base.errors import UserError
from stages.base.files import write_bytes

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


class Opening(NamedTuple):
    """A line of openings.csv; hashes are SHA-256."""

    commit: str
    params: str  # hash of params.yaml
    model: str  # hash of model.json, which has that of the tensors
    test_set: str  # hash of test.csv
    images: int
    errors: int
    error_rate: float
    low: float
    high: float


_HEADER = ",".join(Opening._fields)


def next_number(present: bytes | None, committed: bytes | None, file: str) -> int:
    """Return which opening comes next, from 1.

    present: the content of openings.csv, committed: as git has it. A UserError where lines of git
    are missing or changed.
    """
    if committed and not (present or b"").startswith(committed):
        raise UserError(
            f"{file} lacks openings that git has, which count all the same; bring them back: "
            f"git restore {file}"
        )
    lines = (present or b"").decode("utf-8", "replace").splitlines()
    if lines and lines[0] != _HEADER:
        raise UserError(f"{file} begins with another line than {_HEADER}; git restore {file}")
    return sum(bool(line.strip()) for line in lines[1:]) + 1


def append_opening(file: Path, present: bytes | None, opening: Opening) -> None:
    """Write openings.csv with one line more, on the disk before anybody sees the figure."""
    kept = present or f"{_HEADER}\n".encode()
    ending = b"" if kept.endswith(b"\n") else b"\n"
    line = ",".join(map(str, opening))
    write_bytes(file, kept + ending + f"{line}\n".encode(), durable=True)


def opening_note(number: int) -> str:
    """Return what an opening is worth.

    >>> opening_note(3)
    'third opening; the figure is no longer that of a set nobody looked at'
    """
    ordinal = _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"
    if number == 1:
        return f"{ordinal} opening; nobody looked at these images before"
    return f"{ordinal} opening; the figure is no longer that of a set nobody looked at"
