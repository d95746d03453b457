"""Child processes: a function runs in them, and the death of one is an answer.

Native code that decodes photos may crash, and the system may kill whoever takes too much memory:
what either takes along is one process, which another replaces.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from tempfile import gettempdir
from threading import Lock
from types import ModuleType
from typing import Any, Generic, TypeVar

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")

# A server that has imported what the children need, and forks them: 15 ms a child, where a new
# interpreter takes .5 s. On macOS such a fork is not safe. The server's socket lies in the folder
# for temporary files, and its whole path may have 107 bytes, 33 of them its own.
_HAS_SERVER = sys.platform == "linux" and len(os.fsencode(gettempdir())) < 74
if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as _Connection

    _CONTEXT = get_context("spawn")
else:
    from multiprocessing.connection import Connection as _Connection

    _CONTEXT = get_context("forkserver") if _HAS_SERVER else get_context("spawn")
_UNKNOWN = 255  # where the server, which learns the exit codes, was killed too
WANT_OF_MEMORY = -9  # SIGKILL, which Windows does not name
# On Windows a crash is an exit code from 0xC0000000 on; these two are its want of memory.
_FIRST_STATUS = 0xC0000000
_MEMORY_STATUSES = (0xC0000017, 0xC000012D)
# Windows waits for 63 connections at most.
_MOST_PROCESSES = 60 if os.name == "nt" else 2**16
_STARTING = Lock()  # one child at a time is started
_CRASHES = {"SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"}


@dataclass(frozen=True)
class Death:
    """The end of a child process that gave no answer."""

    exit_code: int  # negative where a signal ended the process: -11 for SIGSEGV

    @property
    def crashed(self) -> bool:
        """Whether its own code ended the process, and not the system or a person."""
        if self.exit_code >= _FIRST_STATUS:
            return self.exit_code not in _MEMORY_STATUSES
        return 0 <= self.exit_code < _UNKNOWN or str(self) in _CRASHES

    def __str__(self) -> str:
        """Return the name of the signal, or the exit code, that of Windows as it is written there.

        >>> str(Death(3)), str(Death(0xC0000005))
        ('exit code 3', 'exit code 0xC0000005')
        """
        if self.exit_code >= _FIRST_STATUS:
            return f"exit code 0x{self.exit_code:X}"
        if self.exit_code >= 0:
            return f"exit code {self.exit_code}"
        with suppress(ValueError):
            return signal.Signals(-self.exit_code).name
        return f"signal {-self.exit_code}"


@dataclass
class _Child(Generic[Argument]):
    """A process, and the argument that it works on."""

    process: BaseProcess
    argument: Argument


class ChildProcess(Generic[Argument, Answer]):
    """A function in a child process of its own; one that died is replaced at the next question.

    Many threads may each have one: while its child works, a thread that asks leaves Python to the
    others. The function must be one of a module, arguments and answers must be picklable.
    """

    def __init__(self, function: Callable[[Argument], Answer]) -> None:
        """Start the process; it needs no longer than importing the function's module."""
        _preload(function)
        self._function = function
        self._connection, self._process = _start(function)
        self._died = False

    def ask(self, argument: Argument) -> Answer | Death:
        """Return what the function returns, or the death of the child; raise what it raises."""
        if self._died:
            self._connection.close()
            self._connection, self._process = _start(self._function)
        _send(self._connection, argument)
        answer: Answer | Death = _answer(self._connection, self._process)
        self._died = isinstance(answer, Death)
        return answer

    def kill(self) -> None:
        """Kill the process, so that a thread that waits for its answer has its death."""
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """End the process, of which no thread may want an answer any more."""
        self.kill()
        self._connection.close()


def run_in_processes(
    function: Callable[[Argument], Answer], arguments: Sequence[Argument], processes: int
) -> Iterator[tuple[Argument, Answer | Death]]:
    """Yield each argument with what the function returns for it, in the order in which they end.

    The function must be one of a module, arguments and answers must be picklable. An exception
    in a child is raised here, and the others are stopped. Want of memory counts as the death
    that the system gives for it, SIGKILL.
    """
    _preload(function)
    processes = min(processes, _MOST_PROCESSES)
    waiting = list(reversed(arguments))
    children: dict[_Connection, _Child[Argument]] = {}
    try:
        while waiting or children:
            while waiting and len(children) < processes:
                connection, process = _start(function)
                children[connection] = _Child(process, waiting.pop())
                _send(connection, children[connection].argument)
            ready = wait(list(children))
            for connection in [one for one in children if one in ready]:
                child = children[connection]
                argument, answer = child.argument, _answer(connection, child.process)
                if waiting and not isinstance(answer, Death):
                    child.argument = waiting.pop()
                    _send(connection, child.argument)
                else:
                    connection.close()  # which ends the child
                    del children[connection]
                    child.process.join()
                yield argument, answer
    finally:
        for child in children.values():
            child.process.kill()
            child.process.join()


def _preload(function: Callable[[Argument], Answer]) -> None:
    if _HAS_SERVER:
        _CONTEXT.set_forkserver_preload([function.__module__])


def _start(function: Callable[[Argument], Answer]) -> tuple[_Connection, BaseProcess]:
    here, there = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_work, args=(function, there), daemon=True)
    with _STARTING, _without_main():
        process.start()
    there.close()  # so that the death of the child ends what is received
    return here, process


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the script that runs here: a child would import it too, and it may import torch."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _send(connection: _Connection, argument: object) -> None:
    with suppress(ConnectionError):  # it died; what is received will say so
        connection.send(argument)


def _work(function: Callable[[Argument], Answer], connection: _Connection) -> None:
    """Send what the function returns and raises for each argument, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and stops this
    with suppress(EOFError, ConnectionError):  # the parent has no more arguments, or is gone
        while True:
            connection.send(_run(function, connection.recv()))


def _run(
    function: Callable[[Argument], Answer], argument: Argument
) -> tuple[Answer | Death | None, Exception | None]:
    try:
        return function(argument), None
    except MemoryError:
        return Death(WANT_OF_MEMORY), None
    except Exception as error:
        return None, error


def _answer(connection: _Connection, process: BaseProcess) -> Any:
    """Return what a child sent, or its death; raise what it raised."""
    try:
        answer, raised = connection.recv()
    except (EOFError, OSError):  # an OSError in the middle of an answer
        process.join()
        return Death(process.exitcode or 0)
    if raised is not None:
        raise raised
    return answer
