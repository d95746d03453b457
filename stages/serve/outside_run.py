"""Outside run: a run that the review did not start, known by the lock that its stages hold."""

import time
from collections.abc import Callable
from dataclasses import replace

from stages.serve.rerun import RerunState

OUTSIDE = -1  # in place of the number of a run; live.js knows it
_SECONDS_BETWEEN_STAGES = 5.0  # in which DVC hashes what a stage left, and the next one starts


class OutsideRun:
    """What is known of runs that others start; asked several times a second."""

    def __init__(self, stage_at_work: Callable[[], str]) -> None:
        """Take the function that names the stage at work, "" for none."""
        self._stage_at_work = stage_at_work
        self._stage = ""
        self._seen = -_SECONDS_BETWEEN_STAGES

    def seen_beside(self, own: RerunState) -> RerunState:
        """Return the state of the review's own run, or that of one outside where that is going."""
        if own.running:
            self._stage = ""
            return own
        if stage := self._stage_at_work():
            self._stage = stage.partition(" ")[0]
            self._seen = time.monotonic()
        if not self._stage or time.monotonic() - self._seen > _SECONDS_BETWEEN_STAGES:
            return own
        line = "by a run that was started outside of this page"
        return replace(
            own, number=OUTSIDE, running=True, stage=self._stage, line=line, code=None, tail=()
        )
