"""An environment is made once, and what runs in it ends as it decides itself."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote
from zipfile import ZipFile

import pytest

from stages.base.errors import UserError
from stages.tools import own_python
from stages.tools.own_python import OwnPython, run_program

ROOT = Path(__file__).parents[2]
# With the signals of a terminal, though the tests may run under nohup.
RUNNER = """
import os, signal, sys
from stages.tools.own_python import run_program
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
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
time.sleep(60)
"""


def can_unshare() -> bool:
    """Return whether a namespace of processes can be made here."""
    unshare = ["unshare", "--pid", "--fork", "true"]
    return bool(
        shutil.which("unshare")
        and subprocess.run(unshare, check=False, capture_output=True).returncode == 0
    )


@pytest.fixture
def environment(tmp_path: Path) -> OwnPython:
    """Return an environment that is not made, for pins of nothing."""
    pins = tmp_path / "requirements.txt"
    pins.write_text("# nothing\n")
    return OwnPython(tmp_path / ".venv", (pins,))


def start_at_root(words: list[str]) -> "subprocess.Popen[str]":
    """Start a program in the repository, in a session of its own and without a terminal."""
    return subprocess.Popen(
        words,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def write_wheel(folder: Path, name: str, version: str) -> None:
    """Write an installable package with nothing in it, where an index has it."""
    info = f"{name}-{version}.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{name}-{version}-py3-none-any.whl"
    (folder / "index.html").write_text(f'<a href="{quote(file)}">{file}</a>')
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with ZipFile(folder / file, "w") as archive:
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", wheel)
        archive.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip see two folders of packages, and nothing else: an index, and the builds of torch."""
    write_wheel(tmp_path / "index", "torch", "2.0")
    write_wheel(tmp_path / "builds" / "cpu", "torch", "2.0+cpu")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    monkeypatch.setattr(own_python, "_BUILDS", (tmp_path / "builds").as_uri())


@pytest.mark.slow
def test_an_environment_is_made_once_with_its_build_of_torch(
    environment: OwnPython, indexes: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """TORCH=cpu leaves CUDA out and is kept when the pins change; another needs a new folder.

    It is half made, as after a stop: Python is there, and pip is put in with the pins.
    """
    pins = environment.pins[0]
    pins.write_text("torch==2.0\n    # via finetrack\nnvidia-cudnn==9 ; sys_platform == 'linux'\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment.folder], check=True)
    (environment.folder / "torch-build").write_text("cpu")
    environment.prepare("cpu")
    assert "Installing the packages of requirements.txt" in capfd.readouterr().out
    code = "from importlib.metadata import version; print(version('torch'))"
    assert run_program([str(environment.python), "-c", code], environment.variables()) == 0
    assert capfd.readouterr().out == "2.0+cpu\n"
    environment.prepare("cpu")
    assert capfd.readouterr().out == ""
    with pytest.raises(UserError, match="has TORCH=cpu; remove that folder"):
        environment.prepare("cu126")
    pins.write_text("torch==2.0\nno-such-package-of-finetrack==1\n")
    with pytest.raises(UserError, match=r"the environment is not made: this failed: .* pip "):
        environment.prepare()
    pins.write_text("torch==2.0\ntriton==3\n")
    environment.prepare()
    assert "Installing" in capfd.readouterr().out
    environment.prepare()
    assert capfd.readouterr().out == ""


@pytest.mark.thorough  # .ci/run makes one, and above what is half made is made whole
def test_an_environment_is_made_from_nothing(environment: OwnPython) -> None:
    """Where there is no folder, Python, pip and the pins are put into one."""
    environment.prepare()
    assert (environment.folder / "requirements.txt").is_file()
    subprocess.run([environment.python, "-c", "import pip"], check=True)


def test_an_environment_that_is_there_keeps_its_torch(environment: OwnPython) -> None:
    """One that was made without TORCH is not turned into another, which pip would not do."""
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    with pytest.raises(UserError, match="has the package index's own torch; remove that folder"):
        environment.prepare("cpu")


@pytest.mark.parametrize(
    ("pins", "chosen", "named"),
    [
        ("torch==2.0\n    # via finetrack\nnvidia-cudnn==9 ; sys_platform == 'linux'\n", "", True),
        ("torch==2.1\n", "", False),
        ("torch==2.0\nother-one==1\n", "", False),
        ("torch==2.0\n", "chosen", False),
    ],
)
def test_an_active_environment_with_the_packages_is_named_first(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    pins: str,
    chosen: str,
    named: bool,
) -> None:
    """Before anything is made, a line says how it is used; not where a version is another."""
    active = tmp_path / "active one"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", active], check=True)
    (packages,) = active.glob("lib/python*/site-packages")
    (packages / "torch-2.0+cpu.dist-info").mkdir()
    (packages / "torch-2.0+cpu.dist-info/METADATA").write_text("Name: Torch\nVersion: 2.0+cpu\n")
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    monkeypatch.setenv("FINETRACK_VENV", chosen)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(pins)
    with pytest.raises(NotADirectoryError):  # so nothing is made
        OwnPython(requirements / ".venv", (requirements,)).prepare()
    said = capfd.readouterr().out
    assert named == (f"export FINETRACK_VENV='{active}'\n" in said)
    assert named or not said


@pytest.mark.parametrize("build", ["gpu", "cpu/../x", "cu", "-r", "http://example.org"])
def test_a_build_is_one_of_pytorch(environment: OwnPython, build: str) -> None:
    """What is no name of a build is refused, and nothing is made."""
    with pytest.raises(UserError, match="TORCH is cpu, or another build of"):
        environment.prepare(build)
    assert not environment.folder.exists()


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
    runner = start_at_root([sys.executable, "-c", RUNNER, SAVES])
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


def test_a_signal_before_the_start_is_passed_on_after_it() -> None:
    """What comes while the program is being started reaches it too."""
    relay = own_python._Relay()
    relay.note(signal.SIGTERM, None)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    relay.follow(process)
    assert process.wait(timeout=60) == -signal.SIGTERM


@pytest.mark.skipif(not can_unshare(), reason="needs namespaces: Linux, and root")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_a_container_all_are_asked_and_waited_for(number: signal.Signals) -> None:
    """As the first process it asks every other to end, and ends after the last, which saves."""
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SAVES!r}]).wait()"
    space = start_at_root(["unshare", "--pid", "--fork", sys.executable, "-c", RUNNER, parent])
    assert space.stdout is not None
    with space.stdout as output:
        assert output.readline() == "at work\n"
        (first,) = Path(f"/proc/{space.pid}/task/{space.pid}/children").read_text("utf-8").split()
        os.kill(int(first), number)
        lines = output.read().splitlines()
    assert f"saved at {number.name}" in lines
    assert lines[-1].startswith("exit code 1")
    assert space.wait() == 0
