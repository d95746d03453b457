"""Being asked to stop: noticed at once, obeyed between two steps, when the state is whole."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """Training was asked to stop, and stands between two steps."""


class Stop:
    """While it is entered, SIGTERM and Ctrl-C only ask; a second time they interrupt.

    The death of the DVC that started this process asks too: nobody waits for its result any more.
    Several processes stop after the same step, or those that go on would wait for the others.
    """

    def __init__(self, together: bool = False) -> None:
        """Start unasked; together: heed only what all processes agreed on."""
        self._together, self._agreed, self._signalled = together, False, False
        self._parent = os.getppid() if "DVC_STAGE" in os.environ else None

    def __enter__(self) -> "Stop":
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
        return self._signalled or (self._parent is not None and os.getppid() != self._parent)

    def agree(self, asked: bool) -> None:
        """Note whether one of all processes has been asked."""
        self._agreed = asked

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; where a stop was asked for, raise Stopped instead of the next."""
        for item in items:
            if self._agreed or (self.asked and not self._together):
                raise Stopped
            yield item

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._signalled:
            raise KeyboardInterrupt
        self._signalled = True
