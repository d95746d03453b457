"""Tasks that end as tasks may end, for the tests of what becomes of them."""

import errno
import os
import signal
from pathlib import Path
from time import sleep

from stages.base.errors import UserError


def square(number: int) -> int:
    """Return the square of a number."""
    return number * number


def read_text(name: str) -> tuple[str, str]:
    """Return a name with the text of its file in the working directory; none where none is."""
    file = Path(name)
    return name, file.read_text() if file.exists() else ""


def kill_process(names: list[str]) -> list[str]:
    """End as the system ends a process for want of memory, at each name but good ones."""
    for name in names:
        if not name.startswith("good"):
            os.kill(os.getpid(), signal.SIGKILL)
    return names


def kill_process_once(file: str) -> str:
    """End as the system ends a process, unless that has happened before."""
    if not Path(file).exists():
        Path(file).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return file


def kill_process_at_first(names: list[str]) -> list[str]:
    """End as the system ends a process, as often as the file `kills` has signs."""
    kills = Path("kills").read_text()
    if kills:
        Path("kills").write_text(kills[1:])
        os.kill(os.getpid(), signal.SIGKILL)
    return names


def kill_parent_once(file: str) -> str:
    """End the worker that started this process, unless that has happened before."""
    if not Path(file).exists():
        Path(file).touch()
        os.kill(os.getppid(), signal.SIGKILL)
    return file


def crash(number: int) -> int:
    """End as native code ends a process, at an odd number."""
    if number % 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number


def fail(number: int) -> int:
    """Raise what no task should raise."""
    return number // 0


def process_id(number: int) -> int:
    """Return the process that runs this."""
    return os.getpid()


def wait_for(file: str) -> str:
    """Return once a file exists."""
    while not Path(file).exists():
        sleep(0.05)
    return file


def wait_at_zero(number: int) -> int:
    """Return at once, except for zero, as `wait_long` does."""
    return number or wait_long(number)


def wait_long(number: int) -> int:
    """Return after a minute, having said in a file which process waits."""
    Path("waiting").write_text(str(os.getpid()))
    sleep(60)
    return number


def square_with_room(number: int) -> int:
    """Return the square of a number, where the working directory says that there is room."""
    if not Path("room").exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return number * number


def square_after_a_failure(number: int) -> int:
    """Return the square of a number, unless the working directory has no sign of a failure yet."""
    sign = Path("failed")
    if not sign.exists():
        sign.touch()
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    return number * number


def refuse(reason: str) -> None:
    """Raise a user's error."""
    raise UserError(reason)
