"""Out folder: what evaluate writes, all at the end, beside nothing and over nothing of a user's.

metrics.json names the others by their SHA-256, and has that of the rest of itself. A file that it
does not name, or whose content is another by now, is the user's. Hidden files, which systems put
anywhere, are left alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, sha256_file, write_bytes, write_json
from stages.base.plural import join_names
from stages.base.system_errors import unwritable
from stages.evaluate.record import EvaluationMetrics

RECORD = "metrics.json"
PREDICTIONS = "predictions.csv"
PAGE = "index.html"
_FILES = "files"  # key of the record: file -> SHA-256
_REMEDY = "name another --out"


def check_out_folder(folder: Path, photos: Path) -> None:
    """Refuse a folder with anything that evaluate did not write, or that belongs to the photos.

    photos: the folder or the table that is evaluated.
    """
    where = folder.resolve()
    if photos.is_dir() and where.is_relative_to(photos.resolve()):
        raise UserError(f"--out {folder} is in the folder of the photos; {_REMEDY}")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"--out {folder} is a file, and a folder is to be written; {_REMEDY}")
    try:
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        others = sorted(names - _own_files(folder))
    except OSError as error:
        raise unwritable(folder, error) from None
    if others:
        raise UserError(
            f"--out {folder} has files that evaluate did not write, or not as they are now "
            f"({join_names(others, count=3)}); {_REMEDY}, or move them away"
        )


def write_out_folder(folder: Path, metrics: EvaluationMetrics, table: str, page: str) -> None:
    """Write the results; at no time are there files of two runs, and all are named by the record.

    The folder must be as `check_out_folder` leaves it.
    """
    contents = {PREDICTIONS: table.encode(), PAGE: page.encode()}
    try:
        for name in contents:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    hashes = {name: sha256_bytes(content) for name, content in contents.items()}
    hashes[RECORD] = _hash_of_record(metrics)
    write_json(folder / RECORD, {**metrics, _FILES: hashes})
    for name, content in contents.items():
        write_bytes(folder / name, content)


def _hash_of_record(metrics: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record without the files that it names."""
    rest = {key: value for key, value in metrics.items() if key != _FILES}
    return sha256_bytes(json.dumps(rest, sort_keys=True).encode())


def _own_files(folder: Path) -> set[str]:
    """Return the names of the files that are as evaluate wrote them."""
    hashes = _written(folder / RECORD)
    if hashes is None:
        return set()
    files = [name for name in (PREDICTIONS, PAGE) if (folder / name).is_file()]
    return {RECORD, *(name for name in files if sha256_file(folder / name) == hashes.get(name))}


def _written(record: Path) -> Mapping[str, str] | None:
    """Return the files that a record names, None where evaluate did not write it."""
    try:
        content: Any = json.loads(record.read_bytes())
        hashes: dict[str, str] = dict(content[_FILES])
        return hashes if hashes[RECORD] == _hash_of_record(content) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
