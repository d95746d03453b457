"""Failures reach people as a line, and programs as an exit code."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from socket import gethostname
from threading import Thread

import pytest

from stages.base.entry_point import run_command, run_stage
from stages.base.errors import UserError
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_lock

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_handler() -> Iterator[None]:
    """Give Ctrl-C back to pytest, since an interrupted command leaves it to the system."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


def exit_of(
    main: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    runner: Callable[[Callable[[], None]], None] = run_command,
) -> tuple[object, str]:
    """Return the exit code of a failing main, and what stderr got."""
    with pytest.raises(SystemExit) as stop:
        runner(main)
    return stop.value.code, capsys.readouterr().err


def raising(error: BaseException) -> Callable[[], None]:
    """Return a main that raises this error."""

    def main() -> None:
        raise error

    return main


def succeed() -> None:
    """Do nothing, successfully."""
    print("done")


def test_success_returns(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that works returns instead of exiting, so that a caller goes on."""
    run_command(succeed)
    assert capsys.readouterr() == ("done\n", "")


def test_user_error_is_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    """A UserError is printed in its own words, without a traceback."""
    code, err = exit_of(raising(UserError("photos/ is empty")), capsys)
    assert code == 1
    assert err == "\nfinetrack: photos/ is empty\n"


def test_a_stage_says_how_to_bring_outputs_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed stage names the commands that restore what DVC removed, of that stage alone."""
    monkeypatch.chdir(tmp_path)
    code, err = exit_of(raising(UserError("no")), capsys, run_stage)
    assert code == 1
    assert err.endswith(": dvc checkout -f test_entry_point && git restore reports\n")


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of the file system shows the file and the reason."""
    code, err = exit_of(lambda: Path("/nowhere/at/all").open().close(), capsys)
    assert code == 1
    assert err == "\nfinetrack: /nowhere/at/all: No such file or directory\n"


@pytest.mark.parametrize("error", [ValueError("a\n  b"), KeyError("x"), RuntimeError("")])
def test_a_bug_is_one_line_with_a_hint(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unforeseen exception is one line: its class, and the variable that shows the traceback."""
    code, err = exit_of(raising(error), capsys)
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert type(error).__name__ in err
    assert "FINETRACK_DEBUG=1" in err


def test_a_system_without_threads_is_a_line_with_the_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that cannot start its threads names the variable, whatever it fails on after that."""
    start = Thread.start
    started: list[Thread] = []

    def start_two(thread: Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(Thread, "start", start_two)
    for pool in (
        lambda: ThreadPool(4).close(),
        lambda: ThreadPoolExecutor(1).submit(print).result(),
    ):
        code, err = exit_of(pool, capsys)
        assert code == 1
        assert err.startswith("\nfinetrack: the system starts no more threads; set FINETRACK_WORK")
        assert len(err.splitlines()) == 2


def test_want_of_memory_is_a_line_with_the_remedies(capsys: pytest.CaptureFixture[str]) -> None:
    """What no part of a command foresaw still names the params that need less memory."""
    code, err = exit_of(raising(MemoryError()), capsys)
    assert code == 1
    assert err.startswith("\nfinetrack: memory does not suffice; FINETRACK_WORKERS=1 needs least")
    assert len(err.splitlines()) == 2


def test_debug_lets_the_traceback_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """FINETRACK_DEBUG=1 raises the exception itself."""
    monkeypatch.setenv("FINETRACK_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()))


def test_interruption_has_its_own_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C exits with 130, as shells expect, with FINETRACK_DEBUG=1 too."""
    monkeypatch.setenv("FINETRACK_DEBUG", "1")
    interrupted = (130, "\nfinetrack: Interrupted.\n")
    assert exit_of(raising(KeyboardInterrupt()), capsys) == interrupted


def test_an_interrupted_stage_says_what_is_kept_and_what_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that Ctrl-C ends names itself, the command that goes on, and what DVC removed."""
    monkeypatch.chdir(tmp_path)
    code, err = exit_of(raising(KeyboardInterrupt()), capsys, run_stage)
    assert code == 130
    assert err.splitlines()[1:] == [
        "finetrack: Interrupted. What earlier stages made is kept; make repro goes on with"
        " test_entry_point.",
        "What DVC removed before it comes back with: dvc checkout -f test_entry_point && git"
        " restore reports",
    ]


def test_the_message_of_an_interruption_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """An interruption raised with a message is shown by it instead of the bare word."""
    assert exit_of(raising(KeyboardInterrupt("saved")), capsys) == (130, "\nfinetrack: saved\n")


def test_one_stage_at_a_time_in_a_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that starts while another runs stops with the name and process of the other."""
    monkeypatch.chdir(tmp_path)
    with stage_lock(PRIVATE_FOLDER, "presize"):
        code, err = exit_of(succeed, capsys, run_stage)
    assert code == 1
    owner = f"presize (process {os.getpid()} on {gethostname()})"
    assert f"{owner} is still at work in this folder" in err
    run_stage(succeed)
    assert capsys.readouterr().out == "done\n"


def test_of_processes_that_train_together_the_first_takes_the_lock(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of torchrun's processes rank 1 runs beside rank 0, which runs beside no other stage."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "1")
    with stage_lock(PRIVATE_FOLDER, "presize"):
        run_stage(succeed)
        assert capsys.readouterr().out == "done\n"
        monkeypatch.setenv("RANK", "0")
        monkeypatch.setenv("LOCAL_RANK", "0")
        code, err = exit_of(succeed, capsys, run_stage)
    assert code == 1
    assert "is still at work in this folder" in err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("no such param", "  a line below"), "no such param\n  a line below"),
        (ValueError("a bug"), "ValueError: a bug (FINETRACK_DEBUG=1 shows where)"),
    ],
)
def test_of_processes_that_train_together_the_failing_one_is_named(
    error: Exception,
    line: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failure in one of torchrun's processes is its line, with the process's number before it."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    code, err = exit_of(raising(error), capsys, run_stage)
    assert code == 1
    assert err.startswith(f"\nfinetrack: process 3 of those that train together: {line}\n")


def test_an_exit_code_that_main_chose_stays() -> None:
    """A command that exits by itself exits with its own code."""
    with pytest.raises(SystemExit) as stop:
        run_command(raising(SystemExit(7)))
    assert stop.value.code == 7


def test_a_closed_pipe_is_no_traceback() -> None:
    """A reader that leaves early, such as head, ends the command quietly."""
    script = (
        "from stages.base.entry_point import run_command\n"
        "def main():\n"
        "    for _ in range(100000):\n"
        "        print('x' * 100)\n"
        "run_command(main)\n"
    )
    line = f'"{sys.executable}" -c "{script}" | head -1'
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "x" * 100 + "\n"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
