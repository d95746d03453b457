"""Rows of corrections.csv that ingest will not apply, found by ingest's rule before it runs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stages.base.correction_actions import ACTIONS
from stages.base.errors import UserError
from stages.base.files import sha256_bytes, sha256_file
from stages.base.packed import Packed, PackedFile
from stages.labels.corrections import read_corrections

CORRECTIONS = Path("data/corrections.csv")
_SHOWN = 50


class _Hashes(Mapping[str, str | None]):
    """SHA-256 by path, computed once, and only where it is asked for; None in a bucket."""

    def __init__(self, folder: Path | Packed | None, paths: Sequence[str]) -> None:
        self._folder = folder
        self._paths = dict.fromkeys(paths)
        self._known: dict[str, str | None] = {}

    def __getitem__(self, path: str) -> str | None:
        if path not in self._paths:
            raise KeyError(path)
        if path not in self._known:
            self._known[path] = self._compute(path)
        return self._known[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def _compute(self, path: str) -> str | None:
        try:
            return _sha256(self._folder / path) if self._folder else None
        except OSError:  # ingest says why it cannot be read
            return None


def _sha256(file: Path | PackedFile) -> str:
    return sha256_file(file) if isinstance(file, Path) else sha256_bytes(file.read_bytes())


def decided_photos(labels: Mapping[str, str], paths: Sequence[str]) -> set[str]:
    """Return the photos about which a person decided; none where the table cannot be read.

    labels: by the rule, by path. What a row was decided of is not compared with the file.
    """
    try:
        corrections = read_corrections(CORRECTIONS, labels, dict.fromkeys(paths))
    except UserError:
        return set()
    return {row.path for row in corrections.applied(*ACTIONS)}


def correction_notes(
    labels: Mapping[str, str], paths: Sequence[str], folder: Path | Packed | None
) -> list[str]:
    """Return a line for each row that ingest will list among its problems instead of applying it.

    labels: by the rule, by path. folder: of the photos; None for a bucket, whose contents stay
    unread. A file that cannot be read as a table is a mistake of its own, and has no lines here.
    """
    try:
        problems = read_corrections(CORRECTIONS, labels, _Hashes(folder, paths)).problems
    except UserError:
        return []
    notes = [f"{CORRECTIONS}: {problem}" for problem in problems]
    rest = [f"{CORRECTIONS}: {len(notes) - _SHOWN:,} more rows"] if len(notes) > _SHOWN else []
    return [*notes[:_SHOWN], *rest]
