"""File locks: one stage at a time in a folder, one writer at a time of a cache.

A stage whose DVC was killed lives on, and another must not run beside it.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import ENOLCK, ENOSYS, EOPNOTSUPP
from pathlib import Path
from socket import gethostname

from stages.base.errors import UserError
from stages.base.system_errors import unwritable

_NO_LOCKS = (ENOLCK, ENOSYS, EOPNOTSUPP)  # as some network folders answer


@contextmanager
def file_lock(file: Path, owner: str, refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Lock a file, and write into it who has the lock.

    refusal: makes the error that is raised where another process has the lock, from the owner
    which that process wrote. The system releases the lock when its process ends, however it ends.
    Raises OSError where the file cannot be opened or written. A file system that knows no locks
    is used without.
    """
    with file.open("ab+", buffering=0) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise refusal(lock.read().decode("utf-8", "replace")) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        lock.truncate(0)
        lock.write(owner.encode())
        yield


@contextmanager
def stage_lock(folder: Path, stage: str) -> Iterator[None]:
    """Lock a folder for one stage; a UserError names the stage and process that has it already."""
    file = folder / "lock"
    owner = f"{stage} (process {os.getpid()} on {gethostname()})"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(file_lock(file, owner, _still_at_work))
        except OSError as error:
            raise unwritable(file, error) from None
        yield


def _still_at_work(owner: str) -> UserError:
    return UserError(
        f"{owner or 'another process'} is still at work in this folder, perhaps since its DVC was "
        "killed; wait until it has ended, or end it with kill, then run this again"
    )
