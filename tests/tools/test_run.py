"""The commands run with Python alone, and take their values as text."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from stages.tools.command_lines import COMMANDS

ROOT = Path(__file__).parents[2]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a Python that has no packages."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "stages.tools.run", *words],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_needs_no_environment() -> None:
    """Without a single package each command is shown with what it does."""
    shown = run()
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines()] == list(COMMANDS)


@pytest.mark.skipif(sys.platform == "win32", reason="no disk that is always full there")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_to_a_full_disk_is_one_line(unbuffered: str) -> None:
    """What the system refuses, at a print or at the end, is said as other commands say it."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-S", "-m", "stages.tools.run", "help"],
            cwd=ROOT,
            env={"PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("finetrack: a file below ")
    assert line.endswith(
        "No space left on device; free some space and run `make repro` or your command again"
    )


def test_an_older_python_can_read_that_it_is_too_old() -> None:
    """The script that says so is source for Python 3.8 too, and says it before all imports."""
    source = (ROOT / "stages/tools/run.py").read_text(encoding="utf-8")
    _, first, check, *rest = ast.parse(source, feature_version=(3, 8)).body
    assert ast.unparse(first) == "import sys"
    assert isinstance(check, ast.If)
    assert "Finetrack needs Python 3.11 or newer" in ast.unparse(check)
    assert rest


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["predct"], "predct is no command; these are: help, environment, dev-environment"),
        (["repro", "PHOTOS=a"], "repro takes TORCH=..., not PHOTOS=a"),
        (["predict", "a"], "predict takes PHOTOS=... and OUT=... and REV=... and CROPS=..., not a"),
        (["predict"], "PHOTOS=folder says which photos"),
        (["evaluate"], "PHOTOS=folder says which photos, OUT=folder says where the result goes"),
        (["review", "OUT=a"], "review takes nothing, not OUT=a"),
        (["repro", "TORCH=; ls"], "TORCH is cpu, or another build of pytorch.org, not ; ls"),
        (["seeds", "N=some"], "N is a number of seeds, such as N=5, not some"),
    ],
)
def test_a_mistake_is_a_line_before_anything_is_made(words: list[str], line: str) -> None:
    """What is wrong with the words is said at once, and no environment is made for it."""
    done = run(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"finetrack: {line}")
    assert done.stdout == ""


def test_a_variable_counts_and_a_pair_counts_more() -> None:
    """Make hands values over as variables; what is written behind the command comes first."""
    assert "not one" in run("seeds", N="one").stderr
    assert "not two" in run("seeds", "N=two", N="one").stderr
    assert "takes nothing" in run("review", "N=1", N="one").stderr
