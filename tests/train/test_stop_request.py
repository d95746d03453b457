"""Interruption: asked to stop, training goes on to the end of its step and no further."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from stages.base.interruption import REPEAT_SECONDS
from stages.train.stop_request import Stopped, StopRequest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_running_step_is_finished(number: signal.Signals) -> None:
    """A signal in the middle of a step lets the step end; the next one does not begin."""
    finished = []

    def train(steps: Iterable[int]) -> None:
        for step in steps:
            signal.raise_signal(number)
            finished.append(step)

    with StopRequest() as stop, pytest.raises(Stopped):
        train(stop.between(range(3)))
    assert finished == [0]


def test_unasked_every_step_is_taken() -> None:
    """Without a request the steps come through as they are, and nobody has asked."""
    with StopRequest() as stop:
        assert list(stop.between(range(3))) == [0, 1, 2]
        assert not stop.asked


def test_a_second_signal_interrupts_at_once() -> None:
    """A second signal, after a pause, does not wait for the end of the step."""
    with StopRequest():
        signal.raise_signal(signal.SIGTERM)
        time.sleep(REPEAT_SECONDS * 1.1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_is_passed_on_counts_once() -> None:
    """Ctrl-C that comes from the terminal and from another process too does not interrupt."""
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop.asked


def test_the_signals_are_given_back() -> None:
    """Afterwards signals do what they did before."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != handlers[1]
    assert [signal.getsignal(number) for number in numbers] == handlers


def test_in_a_thread_the_signals_stay_as_they_are() -> None:
    """Only the main thread may take signals over; elsewhere the context changes none."""
    handlers = []

    def enter() -> None:
        with StopRequest():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]


def test_several_processes_stop_only_when_they_agree() -> None:
    """Together, being asked is not enough: all stop at the place that all agreed on."""
    with StopRequest(together=True) as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
        assert list(stop.between([1, 2])) == [1, 2]
        stop.agree(True)
        with pytest.raises(Stopped):
            list(stop.between([1, 2]))


ORPHAN = """
import time
from stages.train.stop_request import StopRequest
with StopRequest() as stop:
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


of_posix = pytest.mark.skipif(os.name == "nt", reason="there are no orphans, and is no sh")


@of_posix
@pytest.mark.parametrize(
    ("stage", "output", "shell"),
    [
        ("fine_tune", "asked\n", SHELL + SHELL),
        ("", "not asked\n", ()),
        *(
            pytest.param(*case, marks=pytest.mark.thorough)  # each takes the time of an orphan
            for case in [
                ("fine_tune", "asked\n", ()),
                ("fine_tune", "asked\n", SHELL),
                ("", "not asked\n", SHELL),
                ("", "not asked\n", SHELL + SHELL),
            ]
        ),
    ],
)
def test_an_orphan_of_dvc_stops_and_no_other(
    stage: str, output: str, shell: tuple[str, ...]
) -> None:
    """When the DVC that started it dies, behind shells or not, a stage is asked to stop."""
    environment = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}
    finished = subprocess.run(
        [sys.executable, "-c", STARTER, stage, *shell, *STAGE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == output


@of_posix
def test_while_dvc_lives_nobody_asks() -> None:
    """While its DVC is at work, a stage that a shell started is not asked to stop."""
    environment = os.environ | {"DVC_STAGE": "fine_tune"}
    script = ORPHAN.replace("range(100)", "range(5)")
    finished = subprocess.run(
        [*SHELL, sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == "not asked\n"


@pytest.mark.parametrize(("error", "seen"), [(None, KeyboardInterrupt), (OSError(), OSError)])
def test_a_save_is_not_interrupted(error: OSError | None, seen: type[BaseException]) -> None:
    """A second signal during a save is held until its end; an error of the save goes before it."""
    saved = []

    def save(stop: StopRequest) -> None:
        with stop.undisturbed():
            signal.raise_signal(signal.SIGTERM)
            saved.append("whole")
            if error:
                raise error

    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(REPEAT_SECONDS + 0.1)
        with pytest.raises(seen):
            save(stop)
    assert saved == ["whole"]


def test_unasked_a_save_changes_nothing() -> None:
    """Without a signal, and with a first one, the block ends as it does."""
    with StopRequest() as stop:
        with stop.undisturbed():
            assert not stop.asked
        with stop.undisturbed():
            signal.raise_signal(signal.SIGTERM)
        assert stop.asked
