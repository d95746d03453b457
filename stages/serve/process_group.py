"""Process group: a command with all that it starts, which are ended together.

Its output comes as on a terminal, or stages would show no progress; Windows has a pipe instead.
"""

import io
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import psutil

COLUMNS = 100  # of the terminal
_ROWS = 40
# Seconds until a stronger signal: a stage that is interrupted writes a checkpoint first.
_SECONDS_TO_INTERRUPT = 20
_SECONDS_TO_END = 5


class ProcessGroup:
    """A command that was started, and its output."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_terminal: bool = sys.platform != "win32",
    ) -> None:
        """Start the command; an OSError where that cannot be done."""
        ours, theirs = _open_terminal() if on_terminal else os.pipe()
        self._output = io.FileIO(ours)
        try:
            # In a group of its own: Ctrl-C is for this process, which ends the group.
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError:
            self._output.close()
            raise
        finally:
            os.close(theirs)

    def read(self) -> bytes:
        """Return the next bytes of the output, none at its end."""
        try:
            return self._output.read(2**16)
        except OSError:  # of a terminal to which no program writes any more, on Linux
            return b""

    def wait(self) -> int:
        """Return the exit code of the command; its output must have ended."""
        self._output.close()
        return self._process.wait()

    def end(self) -> None:
        """End the command with all that it started; what does not obey is killed."""
        if sys.platform == "win32":
            end_tree(self._process, signal.CTRL_BREAK_EVENT)
        else:
            _end_session(self._process)


def end_tree(process: "subprocess.Popen[bytes]", request: int) -> None:
    """End a process and what it started: by a request, and after a while by force.

    For Windows, which sends the request to the whole group and has no other signal.
    """
    tree: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        tree = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(request)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_INTERRUPT)
    left = psutil.wait_procs(tree, _SECONDS_TO_INTERRUPT)[1]
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.kill()
    process.wait(_SECONDS_TO_END)


if sys.platform == "win32":

    def _open_terminal() -> tuple[int, int]:
        raise OSError("Windows has no such terminals")

else:
    import fcntl
    import termios

    def _open_terminal() -> tuple[int, int]:
        """Return the two ends of a new terminal."""
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", _ROWS, COLUMNS, 0, 0))
        return ours, theirs

    def _end_session(process: "subprocess.Popen[bytes]") -> None:
        """Interrupt all; then kill what the command started, and at last the command too.

        DVC, which ignores SIGINT while a stage runs, releases its locks when the stage has ended.
        """
        steps: Sequence[tuple[Callable[[], None], float]] = (
            (lambda: os.killpg(process.pid, signal.SIGINT), _SECONDS_TO_INTERRUPT),
            (lambda: _kill_children(process.pid), _SECONDS_TO_END),
            (lambda: os.killpg(process.pid, signal.SIGKILL), _SECONDS_TO_END),
        )
        for step, seconds in steps:
            try:
                step()
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                pass
            break

    def _kill_children(number: int) -> None:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(number).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
