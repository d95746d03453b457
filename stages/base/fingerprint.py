"""Fingerprints: of JSON values, and of all that dvc.yaml lists for a stage.

A checkpoint is resumed only under the fingerprints that it was saved with.
"""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from stages.base.errors import UserError
from stages.base.params import PARAMS
from stages.base.yaml_file import read_yaml

_ROOT = Path(__file__).parents[2]
_CODE = "stages/"


def fingerprint(*values: Any) -> str:
    """Return 16 hex digits that change when any of these JSON values does.

    >>> fingerprint("jpeg", {"size": 160}) == fingerprint("jpeg", {"size": 160})
    True
    """
    digest = sha256()
    for piece in json.JSONEncoder(sort_keys=True).iterencode(values):  # a million paths are 100 MB
        digest.update(piece.encode())
    return digest.hexdigest()[:16]


def stage_fingerprints(stage: str, threads: int) -> dict[str, str]:
    """Return the fingerprints of a stage: of its code, params, data and packages, by these names.

    Code and dvc.yaml are those of this repository; params and data lie in the working directory.
    Data is read whole, by threads: 7,390 photos presized to 460 px are half a gigabyte.
    """
    listed = read_yaml(_ROOT / "dvc.yaml")["stages"][stage]
    code = {name: _ROOT / name for name in listed["deps"] if name.startswith(_CODE)}
    params = read_yaml(PARAMS)
    named = [_filled_in(name, params) for name in listed["deps"] if not name.startswith(_CODE)]
    data = {name: Path(name) for name in named}
    keys = [key for key in listed["params"] if isinstance(key, str)]
    tables = [table for table in listed["params"] if not isinstance(table, str)]
    versions = {
        name: _value(read_yaml(_ROOT / file), name)
        for table in tables
        for file, names in table.items()
        for name in names
    }
    return {
        "code": fingerprint(_hashes(code, threads)),
        "params": fingerprint({key: _value(params, key) for key in keys}),
        "data": fingerprint(_hashes(data, threads)),
        "packages": fingerprint(versions),
    }


def _filled_in(dependency: str, params: Mapping[str, Any]) -> str:
    """Return a path of dvc.yaml with the values of the params that it names.

    >>> _filled_in("data/weights/${model.weights}", {"model": {"weights": "package"}})
    'data/weights/package'
    """
    return re.sub(r"\$\{(.+?)\}", lambda name: str(_value(params, name[1].strip())), dependency)


def _hashes(paths: Mapping[str, Path], threads: int) -> dict[str, str]:
    """Return the SHA-256 of every file, and of every file below a folder, by name."""
    if absent := [name for name, path in paths.items() if not path.exists()]:
        raise UserError(f"{absent[0]} is missing, on which dvc.yaml lets the stage depend")
    files = {
        f"{name}/{file.relative_to(path).as_posix()}": file
        for name, path in paths.items()
        for file in ([path] if path.is_file() else path.rglob("*"))
        if file.is_file()
    }
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(files, pool.map(_hash, files.values()), strict=True))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _value(content: Mapping[str, Any], key: str) -> Any:
    return reduce(lambda section, name: section[name], key.split("."), content)
