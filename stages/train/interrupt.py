"""Being asked to stop: noticed at once, obeyed between two steps, when the state is whole."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FrameType
from typing import TypeVar

import psutil

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds between two looks at whether DVC still lives: one takes .2 to .6 ms, a step on a GPU 20.
LOOK_EVERY = 0.5
# A second signal within so many seconds is the first one again: Ctrl-C reaches every process of a
# terminal, and the one that started the others passes it on.
ONE_WISH = 1.0


class Interrupted(Exception):
    """Training was asked to stop, and stands between two steps."""


def parent_processes() -> list[int]:
    """Return the processes between this one and the DVC that runs it, which is the last; else none.

    A shell may stand between: DVC runs its commands in one, and dash, unlike bash, waits for them.
    """
    if "DVC_STAGE" not in os.environ:
        return []
    found: list[int] = []
    with suppress(psutil.Error):  # one ended while it was looked at; what was found tells
        process = psutil.Process().parent()
        while process is not None:
            found.append(process.pid)
            process = process.parent() if _started_by_dvc(process) else None
    return found


def _started_by_dvc(process: psutil.Process) -> bool:
    """Return whether DVC put the name of a stage into a process's environment."""
    try:
        return "DVC_STAGE" in process.environ()
    except psutil.Error:  # somebody else's, or it has just ended
        return False


class StopRequest:
    """While it is entered, SIGTERM and Ctrl-C only ask; a second time, later, they interrupt.

    The death of the DVC that started this process asks too: nobody waits for its result any more.
    Several processes stop after the same step, or those that go on would wait for the others.
    """

    def __init__(self, together: bool = False) -> None:
        """Start unasked; together: heed only what all processes agreed on."""
        self._together, self._agreed, self._signalled = together, False, False
        self._starters = parent_processes()
        self._orphaned = False
        self._looked = self._since = time.monotonic()

    def __enter__(self) -> "StopRequest":
        """Take the signals over, which only the main thread may do."""
        self._before = []
        if threading.current_thread() is threading.main_thread():
            self._before = [(number, signal.signal(number, self._note)) for number in SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before:
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Return whether anybody has asked."""
        if time.monotonic() - self._looked > LOOK_EVERY:
            self._orphaned, self._looked = parent_processes() != self._starters, time.monotonic()
        return self._signalled or self._orphaned

    def agree(self, asked: bool) -> None:
        """Note whether one of all processes has been asked."""
        self._agreed = asked

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; where a stop was asked for, raise Stopped instead of the next."""
        for item in items:
            if self._agreed or (self.asked and not self._together):
                raise Interrupted
            yield item

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._signalled and time.monotonic() - self._since > ONE_WISH:
            raise KeyboardInterrupt
        if not self._signalled:
            self._signalled, self._since = True, time.monotonic()
