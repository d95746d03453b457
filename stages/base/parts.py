"""Parts: files on their way to their place, so that a reader sees the old content or the new.

A part lies in the private folder, where neither git nor DVC looks, and only where that is on
another disk, beside its file. A process that is killed leaves its part; the next one sweeps it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

PRIVATE_FOLDER = Path(".finetrack")  # caches, checkpoints and the lock, outside DVC's outputs
_PARTS = PRIVATE_FOLDER / "parts"
# .gitignore and .dvcignore have it too.
_PATTERN = ".finetrack-*.part"


def write_whole(path: Path, content: bytes, durable: bool = False) -> None:
    """Write a file atomically, with the folders above it; raises OSError.

    durable: after a power cut too, for which the content must reach the disk before the name does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A private folder that cannot be used, or from which nothing can be moved there, is no failure:
    # a mount that binds a folder of the same disk shows itself only when a file is moved.
    with suppress(OSError):
        _make_and_sweep(_PARTS.absolute())
        if _PARTS.stat().st_dev == path.parent.stat().st_dev:
            _write_via(_PARTS, path, content, durable)
            return
    _make_and_sweep(path.parent.absolute())
    _write_via(path.parent, path, content, durable)


def _write_via(folder: Path, path: Path, content: bytes, durable: bool) -> None:
    with _new_part(folder) as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
        Path(file.name).replace(path)


@contextmanager
def _new_part(folder: Path) -> Iterator[BinaryIO]:
    """Open a new part in a folder, locked while it is written; what is left of it is removed."""
    with _create_locked(folder) as file:
        try:
            yield file
        finally:
            with suppress(OSError):  # it has its place
                Path(file.name).unlink()


def _create_locked(folder: Path) -> BinaryIO:
    while True:
        part = folder / _PATTERN.replace("*", token_hex(8))
        file = part.open("xb")
        with suppress(OSError):  # a network folder without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if part.exists():
            return file
        file.close()  # swept before it was locked


@cache
def _make_and_sweep(folder: Path) -> None:
    """Make a folder, and remove its parts that no living process writes, once in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(_PATTERN):
        with suppress(OSError), part.open("r+b") as file:  # locked, or swept by another process
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
