"""Stop request: it is noticed at once and obeyed between two steps.

There the state of training is whole. Ctrl-C and SIGTERM are such requests, on Windows Ctrl-Break,
and the death of DVC.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self, TypeVar

import psutil

from stages.base.interruption import REPEAT_SECONDS

StepT = TypeVar("StepT")
STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":  # Ctrl-Break, and how `make review` ends a run
    STOP_SIGNALS.append(signal.SIGBREAK)
# Seconds between two checks whether DVC still lives: one takes .2 to .6 ms, a step on a GPU 20.
_CHECK_INTERVAL = 0.5


class Stopped(Exception):
    """Training was asked to stop, and stands between two steps."""


def parent_processes() -> list[int]:
    """Return the processes between this one and the DVC that runs it, which is the last; else none.

    A shell may stand between: DVC runs its commands in one, and dash, unlike bash, waits for them.
    """
    if "DVC_STAGE" not in os.environ:
        return []
    parents: list[int] = []
    with suppress(psutil.Error):  # one of them ended meanwhile: the list is shorter, and so differs
        process = psutil.Process().parent()
        while process is not None:
            parents.append(process.pid)
            process = process.parent() if _started_by_dvc(process) else None
    return parents


def _started_by_dvc(process: psutil.Process) -> bool:
    """Return whether DVC put the name of a stage into a process's environment."""
    try:
        return "DVC_STAGE" in process.environ()
    except psutil.Error:  # somebody else's, or it has just ended
        return False


class StopRequest:
    """A context in which SIGTERM and Ctrl-C only ask; a second time, later, they interrupt.

    The death of the DVC that started this process asks too: nobody waits for its result any more.
    Several processes stop after the same step, or those that go on would wait for the others.
    """

    def __init__(self, together: bool = False) -> None:
        """Start unasked; together: stop only when all processes have agreed to."""
        self._together = together
        self._agreed = False
        self._signalled = False
        self._signalled_at = 0.0
        self._undisturbed = False
        self._repeated = False
        self._parents = parent_processes()
        self._orphaned = False
        self._checked_at = time.monotonic()
        self._handlers: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> Self:
        """Take the signals over, which only the main thread may do."""
        self._handlers = []
        if threading.current_thread() is threading.main_thread():
            self._handlers = [
                (number, signal.signal(number, self._note)) for number in STOP_SIGNALS
            ]
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._handlers:
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Return whether a signal, or the death of DVC, has asked."""
        if time.monotonic() - self._checked_at > _CHECK_INTERVAL:
            self._orphaned = parent_processes() != self._parents
            self._checked_at = time.monotonic()
        return self._signalled or self._orphaned

    def agree(self, asked: bool) -> None:
        """Note whether any of all processes has been asked."""
        self._agreed = asked

    def between(self, steps: Iterable[StepT]) -> Iterator[StepT]:
        """Yield the steps; where a stop was asked for, raise Stopped instead of the next."""
        for step in steps:
            if self._agreed or (self.asked and not self._together):
                raise Stopped
            yield step

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Hold a signal that would interrupt until the block has ended, as while a file is saved.

        An error inside the block goes before it.
        """
        outer = self._undisturbed
        self._undisturbed = True
        try:
            yield
        finally:
            self._undisturbed = outer
        if self._repeated and not outer:
            raise KeyboardInterrupt

    def _note(self, *_: object) -> None:
        """Take a signal: the first one asks, and one that comes later interrupts."""
        if not self._signalled:
            self._signalled = True
            self._signalled_at = time.monotonic()
        elif time.monotonic() - self._signalled_at > REPEAT_SECONDS:
            if not self._undisturbed:
                raise KeyboardInterrupt
            self._repeated = True
