"""Parts: files on their way to their place, so that a reader sees the old content or the new.

A part lies in the private folder, where neither git nor DVC looks, and only where that is on
another disk, beside its file. A process that is killed leaves its part; the next one sweeps it.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from filelock import lock_descriptor

PRIVATE_FOLDER = Path(".finetrack")  # caches, checkpoints and the lock, outside DVC's outputs
_PARTS = PRIVATE_FOLDER / "parts"
# .gitignore and .dvcignore have it too.
_PATTERN = ".finetrack-*.part"
# There an open file is neither moved nor removed, nor is one put in the place of an open file, and
# virus scanners hold a new file open for a moment.
_WINDOWS = os.name == "nt"
_SECONDS_TO_WAIT = (0.05, 0.2, 0.5)

Content = bytes | Callable[[BinaryIO], None]


def write_whole(path: Path, content: Content, durable: bool = False) -> None:
    """Write a file atomically, with the folders above it; raises OSError.

    content: bytes, or what writes them to a file that it is given, and may be asked twice.
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


def _write_via(folder: Path, path: Path, content: Content, durable: bool) -> None:
    with _new_part(folder) as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            content(file)
        file.flush()
        if durable:
            os.fsync(file.fileno())
        if _WINDOWS:
            file.close()
        _move(Path(file.name), path)


def _move(part: Path, path: Path) -> None:
    """Put a part in its place, on Windows once nobody has either open, which is waited for."""
    for seconds in _SECONDS_TO_WAIT if _WINDOWS else ():
        with suppress(PermissionError):
            part.replace(path)
            return
        time.sleep(seconds)
    part.replace(path)


@contextmanager
def _new_part(folder: Path) -> Iterator[BinaryIO]:
    """Open a new part in a folder, locked while it is written; what is left of it is removed."""
    file = _create_locked(folder)
    try:
        with file:
            yield file
    finally:
        with suppress(OSError):  # it has its place
            Path(file.name).unlink()


def _create_locked(folder: Path) -> BinaryIO:
    while True:
        part = folder / _PATTERN.replace("*", token_hex(8))
        file = part.open("xb")
        with suppress(OSError):  # a network folder without locks
            lock_descriptor(file.fileno())
        if part.exists():
            return file
        file.close()  # swept before it was locked


@cache
def _make_and_sweep(folder: Path) -> None:
    """Make a folder, and remove its parts that no living process writes, once in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(_PATTERN):
        with suppress(OSError):  # swept by another process
            _sweep(part)


def _sweep(part: Path) -> None:
    """Remove a part that no living process writes."""
    if _WINDOWS:
        part.unlink()  # refused while a process has it open
        return
    with part.open("r+b") as file:
        if lock_descriptor(file.fileno(), blocking=False):
            part.unlink()
