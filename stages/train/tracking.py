"""Tracking: a run of training told to trackers, such as MLflow, while it goes on.

Another process talks to them, stages/tools/track.py: one that fails or hangs delays no step, and
the stage depends on none of their packages. Each message to it is a line of JSON.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from errno import ETIMEDOUT
from io import BytesIO
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Thread
from typing import IO, NotRequired, TypedDict

from stages.base.errors import UserError
from stages.train.progress import HistoryRow

READY = b"ready\n"  # the answer of the process that has all packages; else the error is the answer
_COMMAND = (sys.executable, "-m", "stages.tools.track")
# Seconds that training waits for the process: to take a message while its pipe is full of some 300
# others, and to end when the results are written.
_SECONDS_TO_TAKE = 5.0
_SECONDS_TO_END = 60.0
_GOES_ON = "trackers hear no more of this run, which goes on"


class TrackingMessage(TypedDict):
    """An epoch that has ended, or the metrics of the end with the recipe."""

    epoch: NotRequired[Mapping[str, object]]  # a row of the history
    metrics: NotRequired[Mapping[str, object]]  # of metrics.json and recipe.json


class Tracking:
    """What training tells trackers; the first failure is told to log, and nothing after it."""

    def __init__(self, process: "Popen[bytes] | None", log: Callable[[str], None]) -> None:
        """Tell this process, which has said that it is ready; None: nobody is told."""
        self._process = process
        self._log = log
        self._told = 0

    def tell_epochs(self, epochs: Sequence[HistoryRow]) -> None:
        """Tell those of these epochs that have not been told."""
        for row in epochs[self._told :]:
            self._send({"epoch": row._asdict()})
        self._told = len(epochs)

    def finish(self, metrics: Mapping[str, object]) -> None:
        """Tell the metrics of the end, and wait a while until trackers have them."""
        self._send({"metrics": metrics})
        if self._process is None:
            return
        _pipe(self._process).close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except TimeoutExpired:
            self._give_up(f"trackers took longer than {_SECONDS_TO_END:g} s and were left")

    def _send(self, message: TrackingMessage) -> None:
        if self._process is None:
            return
        pipe = _pipe(self._process)
        try:
            _write(pipe, json.dumps(message).encode() + b"\n")
        except OSError as error:
            self._give_up(f"{error.strerror}: {_GOES_ON}")

    def _give_up(self, reason: str) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
            self._log(f"FINETRACK_LOG: {reason}")


def start_tracking(
    names: Sequence[str], log: Callable[[str], None], command: Sequence[str] = _COMMAND
) -> Tracking:
    """Start the process that talks to trackers, if there are any.

    A UserError says which package is missing. log takes a line when trackers fail. When this
    process ends, the other one sees it, and says that the run was ended.
    """
    if not names:
        return Tracking(None, log)
    process = Popen([*command, *names], stdin=PIPE, stdout=PIPE, bufsize=0)
    answers = process.stdout or BytesIO()
    answer = answers.readline()
    if answer == READY:
        return Tracking(process, log)
    if answer:
        raise UserError(*(answer + answers.read()).decode().splitlines())
    log(f"FINETRACK_LOG: the process of the trackers ended at its start: {_GOES_ON}")
    return Tracking(None, log)


def _pipe(process: "Popen[bytes]") -> IO[bytes]:
    if process.stdin is None:
        raise ValueError(process.args)
    return process.stdin


def _write(pipe: IO[bytes], line: bytes) -> None:
    """Write a line whole, or raise an OSError when the pipe stays full or has no reader.

    A thread writes it, since nobody can ask on Windows whether a pipe has room.
    """
    failures: list[OSError] = []
    writer = Thread(target=_write_whole, args=(pipe, line, failures), daemon=True)
    writer.start()
    writer.join(_SECONDS_TO_TAKE)
    if writer.is_alive():
        raise TimeoutError(ETIMEDOUT, "the trackers take no more")
    if failures:
        raise failures[0]


def _write_whole(pipe: IO[bytes], line: bytes, failures: list[OSError]) -> None:
    try:
        while line:
            line = line[pipe.write(line) :]
    except OSError as error:
        failures.append(error)
