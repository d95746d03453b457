"""Failures reach people as a line, and programs as an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import PRIVATE, UserError, error_list, run_command, run_stage
from stages.base.stage_lock import stage_lock

ROOT = Path(__file__).parents[2]


def outcome(main, capsys: pytest.CaptureFixture[str], runner=run_command) -> tuple[int, str]:
    """Return the exit code and what stderr got."""
    with pytest.raises(SystemExit) as stop:
        runner(main)
    return stop.value.code, capsys.readouterr().err


def raising(error: BaseException):
    """Return a main that fails."""

    def main() -> None:
        raise error

    return main


def test_several_lists_all_when_they_are_few() -> None:
    """Up to twenty failures are all told."""
    lines = [f"{i}.jpg" for i in range(20)]
    assert str(error_list("head", lines)).splitlines() == ["head", *(f"  {line}" for line in lines)]


def test_several_counts_what_it_does_not_show() -> None:
    """Past twenty the rest is a number, and no failure is lost from the count."""
    text = str(error_list("head", [f"{i}.jpg" for i in range(57)])).splitlines()
    assert len(text) == 22
    assert text[-1] == "  ... and 37 more"


def test_several_without_lines_is_its_headline() -> None:
    """No failure to list leaves the headline alone."""
    assert str(error_list("head", [])) == "head"


def test_success_ends_without_exit() -> None:
    """A command that works returns, so that a caller goes on."""
    assert run_command(lambda: None) is None


def test_user_error_is_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the user's is told in its own words, without a traceback."""
    code, err = outcome(raising(UserError("photos/ is empty")), capsys)
    assert code == 1
    assert err == "\nfinetrack: photos/ is empty\n"


def test_a_stage_says_how_to_bring_outputs_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed stage names the commands that restore what DVC removed: of itself, no other."""
    monkeypatch.chdir(tmp_path)
    code, err = outcome(raising(UserError("no")), capsys, run_stage)
    assert code == 1
    assert err.endswith(": dvc checkout -f test_errors && git restore reports\n")


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of the file system says which file and why."""
    code, err = outcome(lambda: open("/nowhere/at/all").close(), capsys)
    assert code == 1
    assert "/nowhere/at/all: No such file or directory" in err


@pytest.mark.parametrize("error", [ValueError("a\n  b"), KeyError("x"), RuntimeError("")])
def test_a_bug_is_one_line_with_a_hint(error, capsys: pytest.CaptureFixture[str]) -> None:
    """An unforeseen exception names its kind on one line and says how to see more."""
    code, err = outcome(raising(error), capsys)
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert type(error).__name__ in err
    assert "FINETRACK_DEBUG=1" in err


def test_debug_lets_the_traceback_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """FINETRACK_DEBUG=1 raises the exception itself."""
    monkeypatch.setenv("FINETRACK_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()))


def test_interruption_has_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with 130, as shells expect, even when debugging."""
    code, err = outcome(raising(KeyboardInterrupt()), capsys)
    assert code == 130
    assert "Interrupted" in err


def test_an_interruption_may_say_more(capsys: pytest.CaptureFixture[str]) -> None:
    """What an interruption says of itself stands in place of the bare word."""
    assert outcome(raising(KeyboardInterrupt("kept")), capsys) == (130, "\nfinetrack: kept\n")


def test_a_stage_is_alone_in_its_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that starts while another is at work stops with the other's name and process."""
    monkeypatch.chdir(tmp_path)
    with stage_lock(PRIVATE, "presize"):
        code, err = outcome(lambda: None, capsys, run_stage)
    assert code == 1
    assert f"presize (process {os.getpid()}) is still at work in this folder" in err
    assert run_stage(lambda: None) is None


def test_processes_that_train_together_do_not_exclude_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torchrun started takes no lock: the process that launched it has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with stage_lock(PRIVATE, "fine_tune"):
        assert run_stage(lambda: None) is None


def test_an_exit_code_that_main_chose_is_kept() -> None:
    """A command that exits by itself keeps its code."""
    with pytest.raises(SystemExit) as stop:
        run_command(raising(SystemExit(7)))
    assert stop.value.code == 7


def test_a_closed_pipe_is_no_traceback() -> None:
    """A reader that leaves early, such as head, ends the command quietly."""
    script = (
        "from stages.base.errors import run\n"
        "def main():\n"
        "    for _ in range(100000):\n"
        "        print('x' * 100)\n"
        "run(main)\n"
    )
    line = f'"{sys.executable}" -c "{script}" | head -1'
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "x" * 100 + "\n"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
