"""One stage at a time in a folder: a stage whose DVC was killed lives on, and must not be raced."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LockHeld(Exception):
    """Another stage is at work in the folder; the message says which."""


@contextmanager
def stage_lock(folder: Path, stage: str) -> Iterator[None]:
    """Hold the folder's lock; Busy names the stage and the process that has it already.

    The system gives the lock back when its process ends, however it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LockHeld(
                f"{lock.read()} is still at work in this folder, perhaps since its DVC was killed; "
                "wait until it has ended, or end it with kill, then run this again"
            ) from None
        lock.truncate(0)
        lock.write(f"{stage} (process {os.getpid()})")
        lock.flush()
        yield
