"""Rerun: a command in a child process, its output as on a terminal, its end known to the page."""

import errno
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock, Thread

from stages.serve.last_line import LastLine

_COLUMNS = 100
_ROWS = 40
# Seconds until a stronger signal: a stage that is interrupted writes a checkpoint first.
_PATIENCE = ((signal.SIGINT, 20), (signal.SIGTERM, 5), (signal.SIGKILL, 5))


@dataclass(frozen=True, kw_only=True)
class RerunState:
    """What is known of the last run."""

    number: int  # of the run, from 1; 0 before the first
    running: bool
    stage: str
    line: str
    code: int | None  # exit code; None while it runs
    tail: tuple[str, ...]  # the last lines, of a run that failed


class Rerun:
    """One run at a time of a command; threads may ask for its state."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Take the command, which is started by `start`."""
        self._command = list(command)
        self._environment = {**environment, "TERM": "xterm", "COLUMNS": str(_COLUMNS)}
        self._lock = Lock()
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: Thread | None = None
        self._output = LastLine()
        self._code: int | None = None

    def start(self) -> bool:
        """Start the command; return whether it was not running already."""
        with self._lock:
            if self._process is not None:
                return False
            # A terminal, or the stages would show no progress.
            ours, theirs = os.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", _ROWS, _COLUMNS, 0, 0))
            try:
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=theirs,
                    stderr=theirs,
                    start_new_session=True,  # Ctrl-C is for this server, which ends the run
                )
            except OSError:
                os.close(ours)
                raise
            finally:
                os.close(theirs)
            self._number += 1
            self._output = LastLine()
            self._code = None
            self._reader = Thread(target=self._read, args=(ours, self._process), daemon=True)
            self._reader.start()
            return True

    def state(self) -> RerunState:
        """Return what is known now."""
        with self._lock:
            return RerunState(
                number=self._number,
                running=self._process is not None,
                stage=self._output.stage,
                line=self._output.line,
                code=self._code,
                tail=tuple(self._output.tail) if self._code else (),
            )

    def end(self) -> None:
        """End the command, with all that it started, and wait for its end."""
        with self._lock:
            process = self._process
        if process is None:
            return
        for signum, seconds in _PATIENCE:
            try:
                os.killpg(process.pid, signum)
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                pass
            break
        if self._reader:
            self._reader.join(5)

    def _read(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        """Take the output until its end."""
        with os.fdopen(terminal, "rb", buffering=0) as stream:
            while output := _read_terminal(stream.fileno()):
                with self._lock:
                    self._output.add(output)
        code = process.wait()
        with self._lock:
            self._code = code
            self._process = None


def _read_terminal(descriptor: int) -> bytes:
    """Return the next bytes, none at the end: Linux gives an error when no program writes."""
    try:
        return os.read(descriptor, 2**16)
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise
