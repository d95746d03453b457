"""What make is given reaches the commands as it was typed, and nothing in it runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# It runs the module behind make without any package, and prints the arguments of all others.
PRINT_ARGUMENTS = f"""#!/bin/sh
case "$2" in stages.tools.run) exec '{sys.executable}' -S "$@";; esac
printf "<%s>" "$@"
"""
NEEDED = (
    *("base/terminal.py", "base/errors.py", "base/interruption.py", "base/system_errors.py"),
    *("tools/run.py", "tools/command_lines.py", "tools/own_python.py"),
)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return a folder with the Makefile and all that it needs; its python prints its arguments."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for module in NEEDED:
        copy = tmp_path / "stages" / module
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "stages" / module, copy)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(PRINT_ARGUMENTS)
    (programs / "python").chmod(0o755)
    for folder in (tmp_path, tmp_path / ".venv"):
        for name in ("requirements.txt", "requirements-dev.txt"):
            (folder / name).write_text("")
    for name in ("seed-1", "seed-2"):  # which a pattern would match in this folder
        (tmp_path / name).write_text("")
    return tmp_path


def run_make(repo: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make with a shell's words as arguments."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=repo,
        env={name: value for name, value in clean.items() if name != "PYTHONPATH"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


HOSTILE = [
    "a b; touch ran",
    "seed-* a#b",
    "$(shell touch ran)",
    "$$(touch ran) `touch ran`",
    "' && touch ran && '",
    '" && touch ran && "',
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("variable", ["BASE", "REV"])
def test_a_revision_is_one_argument_whatever_it_holds(
    repo: Path, variable: str, value: str
) -> None:
    """Spaces, quotes, patterns and commands in BASE and REV are text, also from the environment."""
    target = {"BASE": "compare", "REV": "report"}[variable]
    for made in (
        run_make(repo, target, f"{variable}={value}"),
        run_make(repo, target, **{variable: value}),
    ):
        assert made.stdout.endswith(f"<{value}>"), made
    assert not (repo / "ran").exists()


@pytest.mark.parametrize("value", [*HOSTILE, "--help"])
def test_photos_and_out_are_one_argument_each(repo: Path, value: str) -> None:
    """A folder and a file of any name reach the command whole; no option is made of a name."""
    made = run_make(repo, "predict", f"PHOTOS={value}", f"OUT={value}.csv")
    assert made.stdout.endswith(f"<--out><{value}.csv><--><{value}>"), made
    made = run_make(repo, "evaluate", f"PHOTOS={value}", f"OUT={value}")
    assert made.stdout.endswith(f"<--out><{value}><--><{value}>"), made
    assert run_make(repo, "start", f"PHOTOS={value}").stdout.endswith(f"start><--><{value}>")
    assert run_make(repo, "predict", f"PHOTOS={value}").stdout.endswith(f"predict><--><{value}>")
    assert not (repo / "ran").exists()


def test_the_environment_says_that_it_is_ready_where_it_was_asked_for(repo: Path) -> None:
    """`make environment` ends with how to activate it; a command that needs it has no such line."""
    made = run_make(repo, "environment")
    assert made.stdout.endswith("there: source .venv/bin/activate\n"), made
    assert "activate" not in run_make(repo, "report").stdout


def test_without_photos_there_is_nothing_to_predict(repo: Path) -> None:
    """PHOTOS has no default, nor has OUT of evaluate, and their absence is said."""
    for arguments in (["start"], ["predict"], ["evaluate", "OUT=a"], ["evaluate", "PHOTOS=a"]):
        made = run_make(repo, *arguments)
        assert made.returncode != 0
        assert "=folder says w" in made.stderr


@pytest.mark.parametrize("value", HOSTILE)
def test_others_are_parted_at_spaces_and_never_matched_or_run(repo: Path, value: str) -> None:
    """Each word of OTHER is an argument; a pattern is left for the comparison to match."""
    made = run_make(repo, "compare", "BASE=v1", f"OTHER={value}")
    words = "".join(f"<{word}>" for word in ("v1", *value.split()))
    assert made.stdout.endswith(words), made
    assert not (repo / "ran").exists()


def test_crops_reach_predict(repo: Path) -> None:
    """CROPS is an option of predict, from the command line and from the environment."""
    for made in (
        run_make(repo, "predict", "PHOTOS=a", "CROPS=flip"),
        run_make(repo, "predict", "PHOTOS=a", CROPS="flip"),
    ):
        assert made.stdout.endswith("predict><--crops><flip><--><a>"), made


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["predict", "PHOTS=a"], "predict takes PHOTOS=... and OUT=... and REV=... and CROPS=..."),
        (["compare", "CROPS=flip"], "compare takes BASE=... and OTHER=..., not CROPS=...;"),
        (["repro", "OMP_NUM_THREADS=1"], "before make: OMP_NUM_THREADS=... make repro"),
        (["help", "PHOTOS=a"], "help takes nothing, not PHOTOS=..."),
    ],
)
def test_a_variable_that_the_command_does_not_know_is_refused(
    repo: Path, arguments: list[str], line: str
) -> None:
    """A misspelt variable, or that of another command, is one line, and nothing runs."""
    made = run_make(repo, *arguments)
    assert made.returncode != 0
    assert made.stdout == ""
    [said] = [one for one in made.stderr.splitlines() if one.startswith("finetrack: ")]
    assert line in said


def test_what_any_command_takes_is_let_through(repo: Path) -> None:
    """Several commands have theirs together; PYTHON, Finetrack's and what is exported pass."""
    several = run_make(repo, "predict", "report", "PHOTOS=a", "REV=v1")
    assert several.returncode == 0, several
    assert "<--rev><v1><--><a>" in several.stdout
    assert several.stdout.endswith("past_page><v1>")
    passed = run_make(repo, "report", "PYTHON=python3", "FINETRACK_WORKERS=1", PHOTS="a")
    assert passed.returncode == 0, passed
    around = "all:\n\t$(MAKE) -f Makefile report\n"
    (repo / "around.mk").write_text(around)
    inner = run_make(repo, "-f", "around.mk", "CC=cc")
    assert inner.returncode == 0, inner


def test_the_number_of_seeds_is_a_number(repo: Path) -> None:
    """N=3 queues seeds 1 to 3; anything else is refused and does not run."""
    assert "<seed=range(1,4)>" in run_make(repo, "seeds", "N=3").stdout
    assert "<seed=range(1,9)>" in run_make(repo, "seeds", "N=08").stdout
    assert "<seed=range(1,6)>" in run_make(repo, "seeds").stdout
    for value in [*HOSTILE, "-1", "2)", "9999999"]:
        made = run_make(repo, "seeds", f"N={value}")
        assert made.returncode != 0
        assert "<" not in made.stdout
        assert "N is a number of seeds" in made.stderr
    assert not (repo / "ran").exists()


def test_without_variables_the_defaults_stand(repo: Path) -> None:
    """BASE and REV are HEAD, and OTHER is nothing."""
    assert run_make(repo, "compare").stdout.endswith("<stages.tools.compare><HEAD>")
    assert run_make(repo, "report").stdout.endswith("<stages.tools.past_page><HEAD>")


def test_programs_run_one_after_another_until_one_fails(repo: Path) -> None:
    """Repro checks, runs and prints the result; what fails ends it with an exit code."""
    parts = run_make(repo, "repro").stdout.split("><")
    tools = [part.split(">")[0] for part in parts if part.startswith(("stages.tools", "dvc"))]
    assert tools == ["stages.tools.check", "dvc", "stages.tools.headline"]
    (repo / ".venv/bin/python").write_text(PRINT_ARGUMENTS + "exit 3\n")
    failed = run_make(repo, "repro")
    assert failed.returncode != 0
    assert "headline" not in failed.stdout


def test_the_tests_need_what_develops_and_the_pipeline_does_not(repo: Path) -> None:
    """Where only the pins of the tools are others, repro installs nothing, and lint does."""
    (repo / "requirements-dev.txt").write_text("ruff==1\n")
    assert "<pip>" not in run_make(repo, "repro").stdout
    pip = "<pip><--disable-pip-version-check><-q><install>"
    files = "<-r><requirements.txt><-r><requirements-dev.txt>"
    assert f"{pip}{files}" in run_make(repo, "lint").stdout
    assert "<pip>" not in run_make(repo, "lint").stdout
