"""What an interrupted command says, and how it ends at a second Ctrl-C."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.base.interruption import (
    REPEAT_SECONDS,
    interrupted_line,
    restore_hint,
    speaks_for_all,
)

ROOT = Path(__file__).parents[2]
# A command that takes its time to leave, as torch and pools of threads do.
LEAVING = """
import atexit, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from stages.base.entry_point import run_command
def leave():
    print("leaving", flush=True)
    time.sleep(60)
atexit.register(leave)
def main():
    print("running", flush=True)
    time.sleep(60)
run_command(main)
"""


def test_a_stage_is_named_and_without_one_nothing_is() -> None:
    """Of a stage the line has the command that goes on; of another command it is one word."""
    assert interrupted_line("") == "Interrupted."
    assert interrupted_line("presize").endswith("make repro goes on with presize.")
    assert restore_hint("") == ""
    assert "dvc checkout -f presize " in restore_hint("presize")


def test_the_first_of_several_processes_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0, and a process without a rank, say the line; the others of torchrun do not."""
    for rank, speaks in (("", True), ("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        assert speaks_for_all() is speaks


@pytest.mark.parametrize("rank", [None, "1"])
def test_a_second_interruption_adds_no_line(
    monkeypatch: pytest.MonkeyPatch, rank: str | None
) -> None:
    """Another Ctrl-C ends a command that leaves; one of several processes waits a second for it."""
    if rank:
        monkeypatch.setenv("RANK", rank)
    else:
        monkeypatch.delenv("RANK", raising=False)
    with subprocess.Popen(
        [sys.executable, "-c", LEAVING],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "leaving\n"
        if rank:
            process.send_signal(signal.SIGINT)  # the same one, passed on
            time.sleep(REPEAT_SECONDS + 0.1)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert err == "\nfinetrack: Interrupted.\n"
    assert process.returncode == -signal.SIGINT
