"""Errors of the operating system, in words: the file, what is wrong, and what to do about it."""

import errno
from pathlib import Path

from stages.base.errors import RUN_AGAIN, UserError

_REMEDIES = {
    (errno.ENOSPC, errno.EDQUOT): f"free some space and {RUN_AGAIN}",
    (errno.EACCES, errno.EPERM, errno.EROFS): f"allow writing there and {RUN_AGAIN}",
    (errno.EFBIG,): f"allow larger files (ulimit -f) and {RUN_AGAIN}",
    (errno.EMFILE, errno.ENFILE): f"allow more open files (ulimit -n 4096) and {RUN_AGAIN}",
    (errno.EEXIST, errno.ENOTDIR): "a file is in the place of a folder; move it away",
    (errno.ENOMEM, errno.EAGAIN): "FINETRACK_WORKERS=1 needs least",
    (errno.ESTALE, errno.EIO): f"look after the disk or the network folder and {RUN_AGAIN}",
}


def unwritable(path: Path | str, error: OSError) -> UserError:
    """Return the error for a file or folder that cannot be written, with the remedy if known."""
    return UserError(_with_remedy(f"{path} cannot be written", error))


def unreadable(path: Path | str, error: OSError) -> UserError:
    """Return the error for a file that could be read before and cannot be read now."""
    reason = error.strerror or error
    return UserError(f"{path} cannot be read: {reason}; {RUN_AGAIN}")


def refuses_a_write(error: OSError) -> bool:
    """Return whether it is what only a write meets: a full disk, or a limit of files."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def system_error_line(error: OSError) -> str:
    """Return one line for an error that no part of the program foresaw.

    What a write meets, a full disk or a limit, has no file's name in its error, so that the line
    says where to look. A copy's error has two: it is the second that cannot be written.
    """
    of_a_write = refuses_a_write(error)
    if of_a_write and error.filename2 is not None:
        return _with_remedy(str(error.filename2), error)
    if error.filename is not None:
        return _with_remedy(str(error.filename), error)
    if of_a_write:
        return _with_remedy(f"a file below {Path.cwd()}, or a temporary one", error)
    return _with_remedy(type(error).__name__, error)


def wants_threads(error: BaseException | None) -> bool:
    """Return whether the system started no thread, be it what led to the error.

    A pool of multiprocessing that cannot start all of its threads fails on ending the others:
    "'DummyProcess' object has no attribute 'terminate'".
    """
    while error is not None and "can't start new thread" not in str(error):
        error = error.__cause__ or error.__context__
    return error is not None


def wants_memory(error: Exception) -> bool:
    """Return whether memory did not suffice, that of the processor or of a GPU.

    torch has a class for it on a GPU; on a processor it raises a RuntimeError, which names what
    allocates there.
    """
    if isinstance(error, MemoryError):
        return True
    on_gpu = type(error).__name__ == "OutOfMemoryError"
    return on_gpu or "DefaultCPUAllocator" in str(error) or "std::bad_alloc" in str(error)


def _with_remedy(where: str, error: OSError) -> str:
    remedies = [remedy for codes, remedy in _REMEDIES.items() if error.errno in codes]
    return "; ".join([f"{where}: {error.strerror or error}", *remedies])
