"""An environment is made once, and what runs in it ends as it decides itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools.own_python import OwnPython, run_program

ROOT = Path(__file__).parents[2]
RUNNER = """
import os, sys
from stages.tools.own_python import run_program
print("exit code", run_program([sys.executable, "-u", "-c", sys.argv[1]], os.environ), flush=True)
"""
SAVES = """
import signal, sys, time
def save(number, _):
    time.sleep(.3)
    print("saved at", signal.Signals(number).name, flush=True)
    sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, save)
print("at work", flush=True)
time.sleep(600)
"""


@pytest.fixture
def environment(tmp_path: Path) -> OwnPython:
    """Return an environment that is not made, for pins of nothing."""
    pins = tmp_path / "requirements.txt"
    pins.write_text("# nothing\n")
    return OwnPython(tmp_path / ".venv", (pins,))


@pytest.mark.slow
def test_an_environment_is_made_once(
    environment: OwnPython, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python is there after the first time, and nothing is done until the pins change."""
    environment.prepare()
    assert "Installing what requirements.txt names" in capsys.readouterr().out
    done = [str(environment.python), "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)"]
    assert run_program(done, environment.variables()) == 0
    environment.prepare()
    assert capsys.readouterr().out == ""
    environment.pins[0].write_text("no-such-package-of-finetrack==1\n")
    with pytest.raises(UserError, match=r"the environment is not made: this failed: .* pip "):
        environment.prepare()
    environment.pins[0].write_text("# nothing else\n")
    environment.prepare()
    assert "Installing" in capsys.readouterr().out


def test_an_environment_is_as_the_copy_in_it_says(environment: OwnPython) -> None:
    """With copies of all pins nothing is made, whatever the dates; a .venv may be a link."""
    other = environment.folder.parent / "other"
    other.mkdir()
    (other / "requirements.txt").write_text("# nothing\n")
    environment.folder.symlink_to(other)
    os.utime(other / "requirements.txt", (0, 0))
    environment.prepare()
    assert [file.name for file in other.iterdir()] == ["requirements.txt"]


def test_its_programs_come_first(environment: OwnPython) -> None:
    """DVC takes python from PATH, and finds that of the environment, wherever it runs."""
    first, *others = environment.variables()["PATH"].split(os.pathsep)
    assert Path(first) == environment.python.parent
    assert Path(first).is_absolute()
    assert others == os.environ["PATH"].split(os.pathsep)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("pass", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_the_exit_code_is_that_of_the_program(code: str, expected: int) -> None:
    """A signal that ended it is told as shells do."""
    assert run_program([sys.executable, "-c", code], os.environ) == expected


def test_a_program_that_is_not_there_is_named() -> None:
    """What cannot be started is an error in a line, and handlers of signals are as before."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(UserError, match="uv-of-nobody cannot be started: No such file"):
        run_program(["uv-of-nobody"], os.environ)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_ends_in_its_own_time(number: signal.Signals) -> None:
    """Ctrl-C, which reaches both, and other signals, which are passed on, wait for its end."""
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, SAVES],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert runner.stdout is not None
    with runner.stdout as output:
        assert output.readline() == "at work\n"
        time.sleep(0.1)
        if number == signal.SIGINT:
            os.killpg(runner.pid, number)
        else:
            runner.send_signal(number)
        assert output.read() == f"saved at {number.name}\nexit code 7\n"
    assert runner.wait() == 0
