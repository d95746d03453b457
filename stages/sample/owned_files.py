"""A folder that holds files of ours and of the user's, where only ours are ever touched."""

import json
from collections.abc import Mapping
from pathlib import Path

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, write_bytes, write_json

LIST = ".made.json"  # in the folder: file name -> sha256 of each file made here


def update_owned_files(folder: Path, wanted: Mapping[str, Path]) -> tuple[int, list[str]]:
    """Make a folder hold copies of the wanted files; return how many were written, which were kept.

    wanted: file name in the folder -> file to copy. Files that an earlier call made and nobody
    wants now are removed. A file is ours while its bytes are what the list says: what the user
    added or changed stays, even under a wanted name (these names are returned).
    The list is written first, so that even a killed call leaves no file of ours unlisted.
    """
    earlier = _listed(folder / LIST)
    target = {name: _hash(path) for name, path in sorted(wanted.items())}
    present = {name: _hash(folder / name) for name in {**earlier, **target}}
    write_json(folder / LIST, {**earlier, **target})
    for name in earlier.keys() - target.keys():
        if present[name] == earlier[name]:
            (folder / name).unlink()
    stale = [name for name in target if present[name] != target[name]]
    ours = [name for name in stale if present[name] in ("", earlier.get(name))]
    for name in ours:
        write_bytes(folder / name, wanted[name].read_bytes())
    write_json(folder / LIST, target)
    return len(ours), [name for name in stale if name not in ours]


def _listed(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return {Path(name).name: str(value) for name, value in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError):
        raise UserError(
            f"{path} is damaged; delete it, and every file in {path.parent} counts as yours"
        ) from None


def _hash(path: Path) -> str:
    return sha256_bytes(path.read_bytes()) if path.exists() else ""
