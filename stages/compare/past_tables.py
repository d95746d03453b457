"""The lists of images of a past run, from DVC's cache or from a workspace that has the same."""

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from stages.base.correction_actions import DROP, rows_in_force
from stages.base.csv_file import read_text_csv
from stages.base.errors import UserError
from stages.compare.dvc_cache import FETCH_REMEDY, DvcCache, md5_of
from stages.compare.shared_text import SharedText
from stages.compare.words import enumeration

# The lists that may be read, and the columns that the comparison needs of each.
_COLUMNS = {
    "images": ("path", "sha256", "format"),
    "labels": ("path", "label"),
    "splits": ("path", "label", "split"),
    "rejected": ("path",),
    "corrections": ("path", "action", "problem"),
    "groups": ("path", "group"),
}
_NOT_IN_OLDER_RUNS = ("corrections", "groups")
# What is different in every row. Of other columns pandas itself keeps equal cells once.
_DIFFERENT_CELLS = ("path", "sha256")
# A photo stands in these once; in a list of corrections a person may name it twice.
_ONE_ROW_A_PHOTO = ("images", "labels", "splits", "groups")


class PastTables:
    """The lists of past runs; a list that several of them have is read once.

    Two runs of a million photos whose lists all differ a little take .5 GB.
    """

    def __init__(self, root: Path, cache: DvcCache, paths: Mapping[str, str]) -> None:
        """Take the project, its cache, and the path of each list by the list's name."""
        self._root = root
        self._cache = cache
        self._paths = paths
        self._read: dict[tuple[str, str | None], pd.DataFrame] = {}  # by name and md5
        self._text = SharedText()

    def read(self, hashes: Mapping[str, str]) -> tuple[dict[str, pd.DataFrame], list[str]]:
        """Return the lists by name, as far as they are at hand, and a note on those that are not.

        hashes: path -> md5 that dvc.lock names. Of each list there are the columns that the
        comparison needs.
        """
        tables = {}
        missing = []
        notes = []
        for name, path in self._paths.items():
            try:
                table = self._table(name, path, hashes.get(path))
                if table is not None:
                    tables[name] = table
                elif path in hashes or name not in _NOT_IN_OLDER_RUNS:
                    missing.append(path)
            except UserError as error:
                notes.append(f"{path} is left out: {error}")
        if missing:
            notes.append(f"DVC's cache lacks {enumeration(sorted(missing))}; {FETCH_REMEDY}")
        return tables, notes

    def _table(self, name: str, path: str, md5: str | None) -> pd.DataFrame | None:
        """Return a list of this md5; None where it is not at hand."""
        if (name, md5) in self._read:
            return self._read[name, md5]
        content = _content(self._root / path, md5, self._cache)
        if content is None:
            return None
        table = _parse(content, name)
        shared = [column for column in _DIFFERENT_CELLS if column in table.columns]
        self._read[name, md5] = self._text.share(table, shared)
        return self._read[name, md5]


def dropped_paths(corrections: pd.DataFrame | None) -> set[str]:
    """Return the photos that the corrections in force drop; none without the list."""
    if corrections is None:
        return set()
    return set(rows_in_force(corrections, [DROP])["path"])


def _content(workspace: Path, expected: str | None, cache: DvcCache) -> bytes | None:
    """Return a cached object, or else the workspace's file if it has the md5 expected."""
    try:
        content = cache.read(expected)
    except UserError:
        if (content := _same(workspace, expected)) is None:
            raise
    return _same(workspace, expected) if content is None else content


def _same(file: Path, expected: str | None) -> bytes | None:
    """Return the content of a file if it has the md5 expected."""
    if expected is None or not file.is_file():
        return None
    content = file.read_bytes()
    return content if md5_of(content) == expected else None


def _parse(content: bytes, name: str) -> pd.DataFrame:
    """Return the needed columns of a list, all text; a UserError says why it is none."""
    try:
        table = read_text_csv(io.BytesIO(content))
    except (ValueError, OverflowError) as error:
        raise UserError(f"it cannot be read ({' '.join(str(error).split())[:120]})") from None
    if absent := [column for column in _COLUMNS[name] if column not in table.columns]:
        raise UserError(f"it lacks the column {enumeration(absent)}")
    if name in _ONE_ROW_A_PHOTO and table["path"].duplicated().any():
        raise UserError(f"it names {table['path'][table['path'].duplicated()].iloc[0]} twice")
    return table[list(_COLUMNS[name])]
