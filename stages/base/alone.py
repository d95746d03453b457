"""One stage at a time in a folder: a stage whose DVC was killed lives on, and must not be raced."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class Busy(Exception):
    """Another stage is at work in the folder; the message says which."""


@contextmanager
def alone(folder: Path, stage: str) -> Iterator[None]:
    """Hold the folder's lock; Busy names the stage and the process that has it already.

    The system gives the lock back when its process ends, however it ends.
    """
    holder = folder / "running"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Busy(
            f"{holder.read_text('utf-8')} is still at work in this folder, perhaps since its DVC "
            "was killed; wait until it has ended, or end it with kill, then run this again"
        ) from None
    with lock:
        holder.write_text(f"{stage} (process {os.getpid()})", "utf-8")
        yield
        holder.unlink()
