"""A command and all that it starts end together, on a terminal as on a pipe."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stages.serve import process_group
from stages.serve.process_group import ProcessGroup, end_tree

PARENT = (
    "import subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
    "print(child.pid, flush=True)\n"
    "child.wait()\n"
)
PATIENT = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"


def python(code: str) -> list[str]:
    """Return the command of a Python program."""
    return [sys.executable, "-u", "-c", code]


def whole_output(group: ProcessGroup) -> bytes:
    """Return the output of a command until its end."""
    output = b""
    while piece := group.read():
        output += piece
    return output


@pytest.mark.parametrize("on_terminal", [True, False])
def test_the_output_and_the_exit_code_arrive(on_terminal: bool) -> None:
    """Both streams are one, which is a terminal where there are any, and a pipe elsewhere."""
    code = "import sys; print(sys.stdout.isatty()); sys.stderr.write('bad'); sys.exit(3)"
    group = ProcessGroup(python(code), os.environ, on_terminal)
    assert whole_output(group).split() == [str(on_terminal).encode(), b"bad"]
    assert group.wait() == 3


@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_command_that_is_not_there_leaves_nothing_open(on_terminal: bool) -> None:
    """What cannot be started is an error, and the ends of its output are closed."""
    before = psutil.Process().num_fds()
    with pytest.raises(FileNotFoundError):
        ProcessGroup(["/no/such/program"], {}, on_terminal)
    assert psutil.Process().num_fds() == before


def started_child(process: "subprocess.Popen[bytes]") -> psutil.Process:
    """Return the process that a program has started, whose number it prints."""
    assert process.stdout is not None
    return psutil.Process(int(process.stdout.readline()))


@pytest.mark.parametrize("child", [PATIENT, STUBBORN])
def test_a_tree_ends_whatever_it_ignores(child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: a request first, then force for the processes that are left."""
    monkeypatch.setattr(process_group, "_SECONDS_TO_INTERRUPT", 0.3)
    command = python(PARENT.format(child=child))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        inner = started_child(process)
        end_tree(process, signal.SIGINT)
        assert process.poll() is not None
        inner.wait(10)


def test_ending_what_has_ended_is_no_error() -> None:
    """A command that ended by itself can be ended, on a terminal and as on Windows."""
    group = ProcessGroup(python("pass"), os.environ)
    whole_output(group)
    assert group.wait() == 0
    group.end()
    with subprocess.Popen(python("pass")) as process:
        process.wait()
        end_tree(process, signal.SIGINT)


def test_a_command_outlives_what_does_not_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ignores the interrupt is killed first; the command, as DVC, then ends by itself."""
    monkeypatch.setattr(process_group, "_SECONDS_TO_INTERRUPT", 0.5)
    stubborn = STUBBORN.replace("time.sleep", "print('deaf', flush=True); time.sleep")
    parent = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"subprocess.call([sys.executable, '-c', {stubborn!r}])\n"
        "sys.exit(7)\n"
    )
    group = ProcessGroup(python(parent), os.environ)
    assert b"deaf" in group.read()
    group.end()
    whole_output(group)
    assert group.wait() == 7


@pytest.mark.slow
@pytest.mark.parametrize("stage", [PATIENT, STUBBORN])
def test_dvc_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """After an ended dvc repro the next one warns of no process that had been killed."""
    monkeypatch.setattr(process_group, "_SECONDS_TO_INTERRUPT", 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], check=True)
    Path("stage.py").write_text(f"print('at ' + 'work', flush=True)\n{stage}\n")
    Path("dvc.yaml").write_text(
        "stages:\n  one:\n    cmd: python stage.py\n    deps: [stage.py]\n    outs: [out]\n"
    )
    group = ProcessGroup([*dvc, "repro"], os.environ)
    output = b""
    while b"at work" not in output:
        piece = group.read()
        assert piece, output
        output += piece
    group.end()
    whole_output(group)
    assert group.wait() > 0
    Path("stage.py").write_text("open('out', 'w').close()\n")
    again = subprocess.run([*dvc, "repro"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "had been killed" not in again.stdout + again.stderr
