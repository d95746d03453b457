"""File locks: one stage at a time in a folder, one writer at a time of a cache.

A stage whose DVC was killed lives on, and another must not run beside it.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import EACCES, EINVAL, EISDIR, ENOLCK, ENOSYS, EOPNOTSUPP, EPERM
from io import FileIO
from pathlib import Path
from socket import gethostname

import psutil
from filelock import lock_descriptor

from stages.base.errors import RUN_AGAIN, UserError
from stages.base.system_errors import unwritable

# As some network folders answer; EINVAL is how Windows says that it does not know the request.
_NO_LOCKS = (EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP)
# As stage_lock writes it.
_OWNER = re.compile(r"\w+ \(process (?P<pid>\d+) on (?P<host>.*)\)")
_WINDOWS = os.name == "nt"
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
            raise refusal(_owner_in(lock))
        lock.truncate(0)
        lock.write(_LOCKED + owner.encode())
        yield


def _owner_in(lock: FileIO) -> str:
    lock.seek(len(_LOCKED))
    return lock.read().decode("utf-8", "replace")


@contextmanager
def required_lock(file: Path, owner: str, refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Lock a file as `file_lock` does, and make its folder; a UserError says why it cannot be."""
    with ExitStack() as stack:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(file_lock(file, owner, refusal))
        except OSError as error:
            raise _unlockable(file, error) from None
        yield


@contextmanager
def stage_lock(folder: Path, stage: str) -> Iterator[None]:
    """Lock a folder for one stage; a UserError names the stage and process that has it already."""
    owner = f"{stage} (process {os.getpid()} on {gethostname()})"
    with required_lock(folder / "lock", owner, _still_at_work):
        yield


def stage_at_work(folder: Path) -> str:
    """Return the stage and process that have the lock of a folder, "" where none has it.

    A lock whose process has ended is only read, since to try it might stop a stage that starts now.
    """
    file = folder / "lock"
    owner = ""
    if file.is_file():
        with file.open("rb", buffering=0) as lock:
            owner = _owner_in(lock)
    found = _OWNER.fullmatch(owner)
    if not found or (found["host"] == gethostname() and not psutil.pid_exists(int(found["pid"]))):
        return ""
    try:
        with file_lock(file, owner, UserError):
            return ""
    except UserError:
        return owner
    except OSError:
        return ""


def _unlockable(file: Path, error: OSError) -> UserError:
    """Return the error for a lock that cannot be opened, be it another user's or no file at all."""
    if error.errno not in (EACCES, EPERM, EISDIR) or not os.path.lexists(file):
        return unwritable(file, error)
    command = "" if _WINDOWS else f" (sudo rm -r {file})"
    return UserError(
        f"{file} cannot be locked: {error.strerror}; perhaps another user, or a run as root, made "
        f"it: remove it while nothing runs here{command}, and {RUN_AGAIN}"
    )


def _still_at_work(owner: str) -> UserError:
    return UserError(
        f"{owner or 'another process'} is still at work in this folder, perhaps since its DVC was "
        f"killed; wait until it has ended, or end that process, then {RUN_AGAIN}"
    )
