"""Asked to stop, training goes on to the end of its step and no further."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from stages.train.interrupt import ONE_WISH, Interrupted, StopRequest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_running_step_is_finished(number: signal.Signals) -> None:
    """A signal in the middle of a step lets the step end; the next one does not begin."""
    done = []

    def take(items: Iterable[int]) -> None:
        for item in items:
            os.kill(os.getpid(), number)
            done.append(item)

    with StopRequest() as stop, pytest.raises(Interrupted):
        take(stop.between(range(3)))
    assert done == [0]


def test_the_second_time_it_interrupts() -> None:
    """Who asks twice, with a pause, does not want to wait for the step."""
    with StopRequest():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ONE_WISH * 1.1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_passed_on_at_once_is_the_same_wish() -> None:
    """Ctrl-C that comes from the terminal and from another process too does not interrupt."""
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked


def test_the_signals_are_given_back() -> None:
    """Afterwards signals do what they did before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_several_processes_stop_only_when_they_agree() -> None:
    """Together, being asked is not enough: all stop at the place that all agreed on."""
    with StopRequest(together=True) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        assert list(stop.between([1, 2])) == [1, 2]
        stop.agree(True)
        with pytest.raises(Interrupted):
            list(stop.between([1, 2]))


ORPHAN = """
import time
from stages.train.interrupt import Stop
with Stop() as stop:
    for _ in range(100):
        if stop.asked:
            break
        time.sleep(0.05)
    print("asked" if stop.asked else "not asked", flush=True)
"""
STARTER = """
import os, subprocess, sys, time
stage, command = sys.argv[1], sys.argv[2:]
subprocess.Popen(command, env=os.environ | ({"DVC_STAGE": stage} if stage else {}))
time.sleep(3)
"""
STAGE = (sys.executable, "-c", ORPHAN)
SHELL = ("sh", "-c", '"$@"; exit', "sh")  # it waits, as dash does for a single command too


@pytest.mark.skipif(os.name == "nt", reason="there are no orphans")
@pytest.mark.parametrize("shell", [(), SHELL, SHELL + SHELL])
@pytest.mark.parametrize(("stage", "said"), [("fine_tune", "asked\n"), ("", "not asked\n")])
def test_an_orphan_of_dvc_stops_and_no_other(stage: str, said: str, shell: tuple[str, ...]) -> None:
    """When the DVC that started it dies, behind shells or not, a stage is asked to stop."""
    environment = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}
    done = subprocess.run(
        [sys.executable, "-c", STARTER, stage, *shell, *STAGE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == said


def test_a_dvc_that_lives_asks_nothing() -> None:
    """While its DVC is at work, a stage that a shell started is asked for nothing."""
    environment = os.environ | {"DVC_STAGE": "fine_tune"}
    script = ORPHAN.replace("range(100)", "range(5)")
    done = subprocess.run(
        [*SHELL, sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "not asked\n"
