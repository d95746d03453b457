"""Own Python: a virtual environment with pinned packages, made where it is not as its pins say.

It is as they say when copies of them lie inside it, whatever the dates of files are; so a .venv
that is a link to another clone's serves as well. Needs Python alone.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from stages.base.errors import UserError
from stages.base.terminal import say

_BUILDS = "https://download.pytorch.org/whl"  # a package index for each build of torch
_OF_CUDA = re.compile(r"(nvidia|cuda|triton)\b")
# A package that every platform needs, at its version; 2.15.0+cpu is a build of 2.15.0.
_PIN = re.compile(r"([\w.-]+)==([^\s;+]+)\s*$", re.MULTILINE)
_HAS_ALL = """
import re, sys
from importlib.metadata import distributions
name = lambda one: re.sub("[-_.]+", "-", one.metadata["Name"] or "").lower()
there = {f"{name(one)}=={one.version.partition('+')[0]}" for one in distributions()}
sys.exit(not there.issuperset(sys.argv[1:]))
"""


@dataclass(frozen=True)
class OwnPython:
    """A virtual environment and the files that pin its packages."""

    folder: Path
    pins: tuple[Path, ...]

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its Python, without which there is no environment."""
        return self.programs / ("python.exe" if os.name == "nt" else "python")

    def prepare(self, torch: str = "") -> None:
        """Make it, or install what its pins name by now; nothing where they are as they were.

        torch: a build by its name at pytorch.org, such as cpu; without one that of before, or the
        package index's own. UserError where the environment has another.
        """
        torch = self._torch(torch)
        if all(map(self._is_installed, self.pins)):
            return
        names = " and ".join(pin.name for pin in self.pins)
        if not self.python.exists():
            self._name_active()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._build_file.write_text(torch, encoding="utf-8")
            _must_run([sys.executable, "-m", "venv", str(self.folder)])
        self._require_pip()
        say(f"Installing the packages of {names} into {self.folder}: minutes the first time.")
        sys.stdout.flush()
        pins = [self._without_cuda(pin) for pin in self.pins] if torch else self.pins
        files = [word for pin in pins for word in ("-r", str(pin))]
        # Of torch 2.15.0 and 2.15.0+cpu, which a pin of 2.15.0 names both, pip takes the latter.
        index = ["--extra-index-url", f"{_BUILDS}/{torch}"] if torch else []
        quiet = ("--disable-pip-version-check", "-q")
        _must_run([str(self.python), "-m", "pip", *quiet, "install", *index, *files])
        for pin in self.pins:
            shutil.copyfile(pin, self.folder / pin.name)

    def variables(self) -> dict[str, str]:
        """Return the environment of a program: DVC takes `python` from PATH."""
        path = os.pathsep.join([str(self.programs.absolute()), os.environ.get("PATH", "")])
        return {**os.environ, "PATH": path}

    def ready_line(self) -> str:
        """Return that it is there, and how a person's shell finds its programs."""
        script = self.programs / "activate"
        activate = str(script) if os.name == "nt" else f"source {shlex.quote(script.as_posix())}"
        return f"{self.folder} is ready; so that your shell finds dvc and python there: {activate}"

    def _name_active(self) -> None:
        """Say how the active environment is used, where it has all that would be installed."""
        active = os.environ.get("VIRTUAL_ENV", "")
        if not active or os.environ.get("FINETRACK_VENV"):
            return
        python = OwnPython(Path(active), self.pins).python
        pins = [match for pin in self.pins for match in _PIN.findall(pin.read_text("utf-8"))]
        if python.exists() and not _run_code(python, _HAS_ALL, *map("==".join, pins)):
            say(
                "The active environment has these packages; to use it in place of "
                f"{self.folder}: export FINETRACK_VENV={shlex.quote(active)}"
            )

    def _require_pip(self) -> None:
        """Put pip into an environment that was left half made, or was made without it."""
        look = "import sys; from importlib.util import find_spec; sys.exit(not find_spec('pip'))"
        if _run_code(self.python, look):
            _must_run([str(self.python), "-m", "ensurepip"])

    @property
    def _build_file(self) -> Path:
        return self.folder / "torch-build"

    def _torch(self, wanted: str) -> str:
        """Return the build of torch that is to be installed, or that is."""
        if wanted and not re.fullmatch(r"cpu|xpu|(cu|rocm)[0-9.]+", wanted):
            raise UserError(f"TORCH is cpu, or another build of pytorch.org, not {wanted}")
        if not self.python.exists():
            return wanted
        present = self._build_file.read_text("utf-8") if self._build_file.is_file() else ""
        if wanted not in ("", present):
            what = f"TORCH={present}" if present else "the package index's own torch"
            raise UserError(
                f"{self.folder} has {what}; remove that folder, then run your command again"
            )
        return present

    def _without_cuda(self, pin: Path) -> Path:
        """Write the pins without those that only CUDA needs: a build brings its own, or none."""
        lines = pin.read_text("utf-8").splitlines(keepends=True)
        file = self.folder / f"{pin.stem}-without-cuda.txt"
        file.write_text("".join(line for line in lines if not _OF_CUDA.match(line)), "utf-8")
        return file

    def _is_installed(self, pin: Path) -> bool:
        copy = self.folder / pin.name
        return copy.is_file() and copy.read_bytes() == pin.read_bytes()


def _run_code(python: Path, code: str, *words: str) -> int:
    return run_program([str(python), "-c", code, *words], os.environ)


def _must_run(words: Sequence[str]) -> None:
    code = run_program(words, os.environ)
    if code == 128 + signal.SIGINT:
        raise KeyboardInterrupt
    if code:
        raise UserError(f"the environment is not made: this failed: {' '.join(words)}")


def run_program(words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program to its end and return its exit code, 128 + the signal that ended it.

    Ctrl-C is the program's own affair, and other requests to end are passed on to it: training
    saves a checkpoint before it ends, which takes a while.
    """
    relay = _Relay()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        numbers.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, relay.note)
    try:
        process = _start(words, variables)
        relay.follow(process)
        code = process.wait()
        if relay.asked and _is_container():
            _wait_for_all()
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # of what is not from Python
                signal.signal(number, handler)
    if code == 0 and relay.asked:
        return 128 + relay.asked[0]
    return code if code >= 0 else 128 - code


class _Relay:
    """Passes requests to end on to a program, also those that came before it was started."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    def note(self, number: int, _: FrameType | None) -> None:
        """Take a signal."""
        self.asked.append(number)
        self._pass_on(number)

    def follow(self, process: "subprocess.Popen[bytes]") -> None:
        """Pass signals on to this process from now on, and those that were taken before."""
        self._process = process
        for number in list(self.asked):
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if number == signal.SIGINT and (sys.stdin.isatty() or not _is_container()):
            return  # it reaches every process of a terminal
        if self._process and _is_container():
            os.kill(-1, number)
        elif self._process:
            self._process.send_signal(number)


def _is_container() -> bool:
    """Return whether this is the first process, whose end ends all others, DVC's stages too."""
    return os.getpid() == 1


def _wait_for_all() -> None:
    if sys.platform != "win32":
        with suppress(ChildProcessError):
            while True:
                os.wait()


def _start(words: Sequence[str], variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(words, env=variables)
    except OSError as error:
        raise UserError(f"{words[0]} cannot be started: {error.strerror}") from None
