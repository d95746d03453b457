"""What an interrupted command says, and how it ends at a second Ctrl-C."""

import signal
import subprocess
import sys
from pathlib import Path

from stages.base.interruption import interrupted_line, restore_hint

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


def test_a_second_interruption_adds_no_line() -> None:
    """While the command leaves, another Ctrl-C ends it at once, and stderr has the one line."""
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
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert err == "\nfinetrack: Interrupted.\n"
    assert process.returncode == -signal.SIGINT
