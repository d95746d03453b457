"""Rerun: a command in a child process, its output as on a terminal, its end known to the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock, Thread

from stages.serve.last_line import LastLine
from stages.serve.process_group import COLUMNS, ProcessGroup


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
        self._environment = {**environment, "TERM": "xterm", "COLUMNS": str(COLUMNS)}
        self._lock = Lock()
        self._number = 0
        self._group: ProcessGroup | None = None
        self._reader: Thread | None = None
        self._output = LastLine()
        self._code: int | None = None

    def start(self) -> bool:
        """Start the command; return whether it was not running already."""
        with self._lock:
            if self._group is not None:
                return False
            self._group = ProcessGroup(self._command, self._environment)
            self._number += 1
            self._output = LastLine()
            self._code = None
            self._reader = Thread(target=self._read, args=(self._group,), daemon=True)
            self._reader.start()
            return True

    def state(self) -> RerunState:
        """Return what is known now."""
        with self._lock:
            return RerunState(
                number=self._number,
                running=self._group is not None,
                stage=self._output.stage,
                line=self._output.line,
                code=self._code,
                tail=tuple(self._output.tail) if self._code else (),
            )

    def end(self) -> str | None:
        """End the command, with all that it started, and wait for its end.

        Return the stage that was at work, "" before the first; None where nothing ran.
        """
        with self._lock:
            group = self._group
            stage = self._output.stage
        if group is None:
            return None
        group.end()
        if self._reader:
            self._reader.join(5)
        return stage

    def _read(self, group: ProcessGroup) -> None:
        """Take the output until its end."""
        while output := group.read():
            with self._lock:
                self._output.add(output)
        code = group.wait()
        with self._lock:
            self._code = code
            self._group = None
