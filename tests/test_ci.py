"""The workflows are valid, pinned, ask for few rights, and name commands and files that exist."""

import re
from pathlib import Path
from typing import Any

import pytest

from stages.base.yaml_file import read_yaml
from stages.tools.command_lines import COMMANDS
from stages.tools.compare import COMPARE_FOLDER

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
CHECK = read_yaml(FOLDER / "ci.yml")
COMPARE = read_yaml(FOLDER / "compare.yml")
CONTAINER = read_yaml(FOLDER / "container.yml")
THOROUGH = read_yaml(FOLDER / "thorough.yml")
WORKFLOWS = {"ci": CHECK, "compare": COMPARE, "container": CONTAINER, "thorough": THOROUGH}
COMPARE_STEPS = COMPARE["jobs"]["compare"]["steps"]


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(workflow: dict[str, Any]) -> list[str]:
    """Return what the steps of a workflow run in a shell."""
    return [step["run"] for step in steps(workflow) if "run" in step]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_actions_are_pinned(workflow: dict[str, Any]) -> None:
    """Every action of others is named with its whole version."""
    actions = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_commands_exist(workflow: dict[str, Any]) -> None:
    """Targets of make, scripts and modules of the project are there, and the options are real."""
    for command in commands(workflow):
        for target in re.findall(r"\bmake (\w+)", command):
            assert target in COMMANDS
        for name in re.findall(r"stages\.tools\.run ([\w-]+)", command):
            assert name in COMMANDS
        for script in re.findall(r"\bbash (\S+)", command):
            assert (ROOT / script).is_file()
        for module in re.findall(r"-m (stages[\w.]+)", command):
            source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
            assert all(option in source for option in re.findall(r"--[a-z-]+", command))


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_no_event_text_becomes_a_command(workflow: dict[str, Any]) -> None:
    """Names that others choose reach the shell as variables, never as part of a command."""
    assert not [command for command in commands(workflow) if "${{" in command]


def test_the_check_runs_for_pushes_on_the_systems_that_people_have() -> None:
    """The whole check runs on two Pythons, the quick tests on macOS, and the chain on Windows."""
    assert CHECK["on"] == {"push": {"branches": ["main"]}, "pull_request": None}
    assert CHECK["permissions"] == {"contents": "read"}
    assert CHECK["jobs"]["whole"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert CHECK["jobs"]["quick"]["runs-on"].startswith("macos")
    assert CHECK["jobs"]["windows"]["runs-on"].startswith("windows")
    assert any(".ci/run" in command for command in commands(CHECK))


def test_on_windows_nothing_needs_make_or_bash() -> None:
    """There Python runs all, from the one command to tests that exist."""
    lines = [step["run"] for step in CHECK["jobs"]["windows"]["steps"] if "run" in step]
    assert lines[0] == "python -m stages.tools.run repro"
    for line in lines:
        assert re.match(r"(\.venv/Scripts/)?python -m ", line)
        for place in re.findall(r"\btests/\S+", line):
            path, _, test = place.partition("::")
            assert (ROOT / path).exists()
            assert not test or f"\ndef {test}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_workflow_is_looked_at() -> None:
    """No workflow is left out of these tests, and those of the image and the week may only read."""
    assert {file.stem for file in FOLDER.iterdir()} == set(WORKFLOWS)
    assert CONTAINER["permissions"] == THOROUGH["permissions"] == {"contents": "read"}


def test_the_thorough_tests_run_once_a_week() -> None:
    """What takes too long for each commit runs on a day of the week, and by hand."""
    assert len(THOROUGH["on"]["schedule"]) == 1
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", THOROUGH["on"]["schedule"][0]["cron"])
    assert "workflow_dispatch" in THOROUGH["on"]
    assert "make thorough" in commands(THOROUGH)


def test_the_comparison_has_no_more_rights_than_it_needs() -> None:
    """It may write comments and nothing else, and a newer push stops an older run."""
    assert COMPARE["on"] == {"pull_request": None}
    assert COMPARE["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert COMPARE["concurrency"]["cancel-in-progress"] is True


def test_it_runs_the_chain_then_compares_then_comments() -> None:
    """The steps stand in the order in which they need each other."""
    order = ["make environment", "dvc pull", "make repro", "stages.tools.compare", "gh pr comment"]
    lines = commands(COMPARE)
    places = [next(n for n, line in enumerate(lines) if words in line) for words in order]
    assert places == sorted(places)


def test_what_it_posts_is_what_comparing_writes() -> None:
    """The comment and the pages are the files of the comparison and of the report."""
    text = (FOLDER / "compare.yml").read_text(encoding="utf-8")
    assert f"--body-file {COMPARE_FOLDER.as_posix()}/compare.md" in text
    pages = COMPARE_STEPS[-1]["with"]["path"].split()
    assert pages == [f"{COMPARE_FOLDER.as_posix()}/index.html", "reports/index.html"]
