"""File locks: one stage at a time in a folder, one writer at a time of a cache.

A stage whose DVC was killed lives on, and another must not run beside it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP
from pathlib import Path
from socket import gethostname

from filelock import lock_descriptor

from stages.base.errors import UserError
from stages.base.system_errors import unwritable

# As some network folders answer; EINVAL is how Windows says that it does not know the request.
_NO_LOCKS = (EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP)
# On Windows nobody else may read the byte that is locked, the first.
_LOCKED = b" "


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
            taken = not lock_descriptor(lock.fileno(), blocking=False)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            taken = False
        if taken:
            lock.seek(len(_LOCKED))
            raise refusal(lock.read().decode("utf-8", "replace"))
        lock.truncate(0)
        lock.write(_LOCKED + owner.encode())
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
        "killed; wait until it has ended, or end that process, then run this again"
    )
