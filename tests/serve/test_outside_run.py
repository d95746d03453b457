"""A run that the review did not start is seen as one that is going."""

import pytest

from stages.serve import outside_run
from stages.serve.outside_run import OUTSIDE, OutsideRun
from stages.serve.rerun import RerunState

IDLE = RerunState(number=3, running=False, stage="", line="failed", code=1, tail=("failed",))


def test_a_stage_at_work_is_a_run_that_is_going() -> None:
    """It is told with its stage, and with none of what is known of the own run before."""
    state = OutsideRun(lambda: "presize (process 12 on host)").seen_beside(IDLE)
    assert (state.number, state.running, state.stage) == (OUTSIDE, True, "presize")
    assert (state.code, state.tail) == (None, ())
    assert OutsideRun(lambda: "").seen_beside(IDLE) == IDLE


def test_between_two_stages_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """While DVC hashes and starts the next stage no stage has the lock; later the run has ended."""
    stages = ["ingest (process 1 on host)", "", ""]
    run = OutsideRun(lambda: stages.pop(0))
    assert run.seen_beside(IDLE).running
    assert run.seen_beside(IDLE).running
    monkeypatch.setattr(outside_run, "_SECONDS_BETWEEN_STAGES", -1.0)
    assert run.seen_beside(IDLE) == IDLE


def test_the_own_run_is_no_run_outside() -> None:
    """While the review runs the pipeline itself, its stages are its own, and so is their end."""
    own = RerunState(number=4, running=True, stage="ingest", line="", code=None, tail=())
    at_work = [""]
    run = OutsideRun(lambda: at_work.pop(0))
    assert run.seen_beside(own) == own
    assert run.seen_beside(IDLE) == IDLE
