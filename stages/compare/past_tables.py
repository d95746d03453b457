"""The lists of images of a past run, from DVC's cache or from a workspace that has the same."""

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from stages.base.csv_file import read_text_csv
from stages.base.errors import UserError
from stages.compare.dvc_cache import FETCH_REMEDY, DvcCache, md5_of
from stages.compare.words import enumeration

# The lists that may be read, and the columns that the comparison needs of each.
_COLUMNS = {
    "images": ("path", "sha256", "format"),
    "labels": ("path", "label"),
    "splits": ("path", "label", "split"),
    "rejected": ("path",),
    "corrections": ("path", "action", "problem"),
}
# A photo stands in these once; in a list of corrections a person may name it twice.
_ONE_ROW_A_PHOTO = ("images", "labels", "splits")


def read_tables(
    root: Path, hashes: Mapping[str, str], cache: DvcCache, paths: Mapping[str, str]
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return the lists by name, as far as they are at hand, and a note on those that are not.

    hashes: path -> md5 that dvc.lock names. paths: name of a list -> its path.
    """
    tables = {}
    missing = []
    notes = []
    for name, path in paths.items():
        try:
            content = _content(root / path, hashes.get(path), cache)
            if content is not None:
                tables[name] = _parse(content, name)
            elif path in hashes or name != "corrections":  # which older runs did not write
                missing.append(path)
        except UserError as error:
            notes.append(f"{path} is left out: {error}")
    if missing:
        notes.append(f"DVC's cache lacks {enumeration(sorted(missing))}; {FETCH_REMEDY}")
    return tables, notes


def dropped_paths(corrections: pd.DataFrame | None) -> set[str]:
    """Return the photos that the corrections in force drop; none without the list."""
    if corrections is None:
        return set()
    drops = corrections["action"].str.strip().str.casefold().eq("drop")
    return set(corrections["path"][drops & corrections["problem"].eq("")])


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
    """Return a list, all text; a UserError says why it is none."""
    try:
        table = read_text_csv(io.BytesIO(content))
    except (ValueError, OverflowError) as error:
        raise UserError(f"it cannot be read ({' '.join(str(error).split())[:120]})") from None
    if absent := [column for column in _COLUMNS[name] if column not in table.columns]:
        raise UserError(f"it lacks the column {enumeration(absent)}")
    if name in _ONE_ROW_A_PHOTO and table["path"].duplicated().any():
        raise UserError(f"it names {table['path'][table['path'].duplicated()].iloc[0]} twice")
    return table
