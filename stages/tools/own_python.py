"""Own Python: a virtual environment with pinned packages, made where it is not as its pins say.

It is as they say when copies of them lie inside it, whatever the dates of files are; so a .venv
that is a link to another clone's serves as well. Needs Python alone.
"""

import os
import re
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
            _must_run([sys.executable, "-m", "venv", str(self.folder)])
            self._build_file.write_text(torch, encoding="utf-8")
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
            raise UserError(f"{self.folder} has {what}; remove that folder, then run this again")
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


def _must_run(words: Sequence[str]) -> None:
    if run_program(words, os.environ):
        raise UserError(f"the environment is not made: this failed: {' '.join(words)}")


def run_program(words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program to its end and return its exit code, 128 + the signal that ended it.

    Ctrl-C is the program's own affair, and other requests to end are passed on to it: training
    saves a checkpoint before it ends, which takes a while.
    """
    asked: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if number != signal.SIGINT:  # which reaches every process of a terminal
            for process in started:
                process.send_signal(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        numbers.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        started.append(_start(words, variables))
        code = started[0].wait()
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # of what is not from Python
                signal.signal(number, handler)
    if code == 0 and asked:
        return 128 + asked[0]
    return code if code >= 0 else 128 - code


def _start(words: Sequence[str], variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(words, env=variables)
    except OSError as error:
        raise UserError(f"{words[0]} cannot be started: {error.strerror}") from None
