"""What the tests of child processes run in them: a module of its own, so that it loads fast."""

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    """Return the square of a number; die at 13, and raise at -1."""
    if number == 13:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == -1:
        raise ValueError("a negative number")
    return number * number


def end_by(way: str) -> None:
    """End this process by a signal of this name, by exit(3), or for want of memory."""
    if way == "exit":
        os._exit(3)
    if way == "memory":
        raise MemoryError
    os.kill(os.getpid(), signal.Signals[way])


def process_id(_: int) -> int:
    """Return the id of the process."""
    return os.getpid()


def wait_long(seconds: float) -> float:
    """Sleep, or raise where there is nothing to sleep."""
    if not seconds:
        raise ValueError("no time")
    time.sleep(seconds)
    return seconds


def folder_and_interrupt(_: int) -> tuple[str, bool]:
    """Return the working folder, and whether an interrupt is ignored."""
    return str(Path.cwd()), signal.getsignal(signal.SIGINT) == signal.SIG_IGN
