"""File locks: one stage at a time in a folder, one writer at a time of a cache.

A stage whose DVC was killed lives on, and another must not run beside it.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.base.errors import UserError


@contextmanager
def file_lock(file: Path, owner: str, refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Lock a file, and write into it who has the lock.

    refusal: makes the error that is raised where another process has the lock, from the owner
    which that process wrote. The system releases the lock when its process ends, however it ends.
    Raises OSError where the file cannot be opened.
    """
    with file.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise refusal(lock.read()) from None
        lock.truncate(0)
        lock.write(owner)
        lock.flush()
        yield


@contextmanager
def stage_lock(folder: Path, stage: str) -> Iterator[None]:
    """Lock a folder for one stage; a UserError names the stage and process that has it already."""
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / "lock", f"{stage} (process {os.getpid()})", _still_at_work):
        yield


def _still_at_work(owner: str) -> UserError:
    return UserError(
        f"{owner} is still at work in this folder, perhaps since its DVC was killed; "
        "wait until it has ended, or end it with kill, then run this again"
    )
