"""The commands run with Python alone, and take their values as text."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from stages.tools.run import COMMANDS

ROOT = Path(__file__).parents[2]
SOURCES = ("stages/tools/run.py", "stages/tools/own_python.py")
HOSTILE = ["a b; touch ran", "$(touch ran)", "*", "--help", "a=b", "' \""]


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


def test_an_older_python_can_read_that_it_is_too_old() -> None:
    """The script that says so is source for Python 3.8 too, and says it before all imports."""
    source = (ROOT / SOURCES[0]).read_text(encoding="utf-8")
    _, first, check, *rest = ast.parse(source, feature_version=(3, 8)).body
    assert ast.unparse(first) == "import sys"
    assert isinstance(check, ast.If)
    assert "Finetrack needs Python 3.11 or newer" in ast.unparse(check)
    assert rest


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["predct"], "predct is no command; these are: help, environment, start"),
        (["repro", "PHOTOS=a"], "repro takes TORCH=..., not PHOTOS=a"),
        (["predict", "album"], "predict takes PHOTOS=... and OUT=..., not album"),
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


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_word_of_a_program(value: str) -> None:
    """No value becomes an option, a pattern or a command; that of OTHER is parted at spaces."""
    assert COMMANDS["predict"].programs({"PHOTOS": value, "OUT": value}) == [
        ["python", "-m", "stages.tools.predict", "--out", value, "--", value]
    ]
    (compare,) = COMMANDS["compare"].programs({"BASE": value, "OTHER": value})
    assert compare[3:] == [value, *value.split()]


def test_a_variable_counts_and_a_pair_counts_more() -> None:
    """Make hands values over as variables; what is written behind the command comes first."""
    assert "not one" in run("seeds", N="one").stderr
    assert "not two" in run("seeds", "N=two", N="one").stderr
    assert "takes nothing" in run("review", "N=1", N="one").stderr


def test_every_tool_and_program_is_there() -> None:
    """A command names modules of this project, or programs that the requirements bring."""
    values = {"PHOTOS": "album", "OUT": "out"}
    for command in COMMANDS.values():
        for program, *words in command.programs(values):
            assert program in ("python", "uv")
            if words[1].startswith(("stages", "benchmarks")):
                assert (ROOT / f"{words[1].replace('.', '/')}.py").is_file()


def test_the_check_is_lint_and_the_tests() -> None:
    """What a commit must pass has all of lint, doctests, and the tests that are not thorough."""
    check = COMMANDS["check"].programs({})
    assert check[: len(COMMANDS["lint"].programs({}))] == COMMANDS["lint"].programs({})
    assert any("--doctest-modules" in words for words in check)
    assert check[-1] == COMMANDS["test"].programs({})[0]
    assert ["python", "-m", "mypy", "--platform", "win32", "stages"] in check
