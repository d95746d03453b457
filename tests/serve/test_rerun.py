"""A run in a child process: its lines, its end, and that nothing of it is left."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stages.serve.rerun import Rerun


@contextmanager
def rerun(code: str) -> Iterator[Rerun]:
    """Return a run of a Python program, which has ended after the block."""
    run = Rerun([sys.executable, "-u", "-c", code], os.environ)
    try:
        yield run
    finally:
        run.end()


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_run_that_ends_well() -> None:
    """It prints to a terminal, its last line is known while it runs, its code when it has ended."""
    code = """
import sys
print("Running stage 'one'")
print(sys.stdin.read(), 'tty', sys.stdout.isatty())
"""
    with rerun(code) as run:
        assert run.state().number == 0
        assert run.start()
        wait_for(lambda: not run.state().running)
        state = run.state()
    assert (state.number, state.code, state.stage, state.line) == (1, 0, "one", "tty True")
    assert state.tail == ()


def test_a_run_that_fails_leaves_its_last_lines() -> None:
    """Of a failure the exit code and the last lines are known."""
    with rerun("print('before'); raise SystemExit('ERROR: the reason')") as run:
        run.start()
        wait_for(lambda: not run.state().running)
        assert run.state().code == 1
        assert run.state().tail == ("before", "ERROR: the reason")


def test_one_run_at_a_time() -> None:
    """While one runs no other starts; afterwards the next one has the next number."""
    with rerun("import time; print('going'); time.sleep(600)") as run:
        assert run.start()
        wait_for(lambda: run.state().line == "going")
        assert not run.start()
        run.end()
        assert not run.state().running
        assert run.state().code != 0
        assert run.start()
        assert run.state().number == 2


def test_the_end_takes_what_the_run_has_started(tmp_path: Path) -> None:
    """A program that the command has started ends too, first by the signal of Ctrl-C."""
    inner = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n    print('inner', flush=True); time.sleep(600)\n"
        f"except KeyboardInterrupt:\n    pathlib.Path({str(tmp_path / 'said')!r}).write_text('bye')"
    )
    outer = (
        "import subprocess, sys, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"  # as DVC does while a stage runs
        f"child = subprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        "sys.exit(child.wait())"
    )
    with rerun(outer) as run:
        run.start()
        wait_for(lambda: run.state().line == "inner")
        assert run.end() == ""
        assert run.end() is None
        assert not run.state().running
    assert (tmp_path / "said").read_text() == "bye"


def test_a_command_that_is_not_there_raises() -> None:
    """What cannot be started is an error, and the next start is possible."""
    run = Rerun(["/no/such/program"], {})
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            run.start()
        assert not run.state().running
