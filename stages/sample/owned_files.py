"""Owned files: of a folder shared with the user, this program changes only what it wrote itself."""

import json
from collections.abc import Mapping
from pathlib import Path

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, write_bytes, write_json

OWNED_LIST = ".made.json"  # in the folder: file name -> sha256 of each owned file


def update_owned_files(folder: Path, wanted: Mapping[str, Path]) -> tuple[int, list[str]]:
    """Copy the wanted files into a folder; return how many were written, and which were not.

    wanted: file name in the folder -> file to copy. Files that an earlier call wrote and that are
    not wanted now are removed. A file is owned while its bytes are those in the list: what the user
    added or changed stays, even under a wanted name (these are the names that are returned).
    The list is written first, so that even a killed call leaves no owned file unlisted.
    """
    earlier = _read_list(folder / OWNED_LIST)
    target = {name: _hash(path) for name, path in sorted(wanted.items())}
    present = {name: _hash(folder / name) for name in {**earlier, **target}}
    write_json(folder / OWNED_LIST, {**earlier, **target})
    for name in earlier.keys() - target.keys():
        if present[name] == earlier[name]:
            (folder / name).unlink()
    stale = [name for name in target if present[name] != target[name]]
    owned = [name for name in stale if present[name] in ("", earlier.get(name))]
    for name in owned:
        write_bytes(folder / name, wanted[name].read_bytes())
    write_json(folder / OWNED_LIST, target)
    return len(owned), [name for name in stale if name not in owned]


def _read_list(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        listed = json.loads(path.read_text("utf-8"))
        return {Path(name).name: str(value) for name, value in listed.items()}
    except (ValueError, AttributeError):
        raise UserError(
            f"{path} is damaged; delete it, and every file in {path.parent} counts as yours"
        ) from None


def _hash(path: Path) -> str:
    return sha256_bytes(path.read_bytes()) if path.exists() else ""
