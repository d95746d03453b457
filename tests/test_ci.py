"""The workflow for pull requests is valid, pinned, and names commands and files that exist."""

import re
from pathlib import Path

import pytest

from stages.base.params import read_yaml
from stages.tools.compare import TARGET

ROOT = Path(__file__).parents[1]
WORKFLOW = read_yaml(ROOT / ".github" / "workflows" / "compare.yml")
STEPS = WORKFLOW["jobs"]["compare"]["steps"]
COMMANDS = [step["run"] for step in STEPS if "run" in step]


def test_it_runs_for_pull_requests_with_no_more_rights_than_it_needs() -> None:
    """It may write comments and nothing else, and a newer push stops an older run."""
    assert WORKFLOW["on"] == {"pull_request": None}
    assert WORKFLOW["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True


@pytest.mark.parametrize("action", [step["uses"] for step in STEPS if "uses" in step])
def test_actions_are_pinned(action) -> None:
    """Every action of others is named with its whole version."""
    assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action)


def test_it_runs_the_chain_then_compares_then_comments() -> None:
    """The steps stand in the order in which they need each other."""
    order = ["make environment", "dvc pull", "make repro", "stages.tools.compare", "gh pr comment"]
    places = [next(n for n, line in enumerate(COMMANDS) if words in line) for words in order]
    assert places == sorted(places)


def test_its_commands_exist() -> None:
    """Targets of make and modules of the project are there, and the options are real."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in COMMANDS:
        for target in re.findall(r"\bmake (\w+)", command):
            assert re.search(rf"(?m)^{target}:", makefile)
        for module in re.findall(r"-m ([\w.]+)", command):
            source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
            assert all(option in source for option in re.findall(r"--[a-z-]+", command))


def test_what_it_posts_is_what_comparing_writes() -> None:
    """The comment and the pages are the files of the comparison and of the report."""
    text = (ROOT / ".github" / "workflows" / "compare.yml").read_text(encoding="utf-8")
    assert f"--body-file {TARGET.as_posix()}/compare.md" in text
    kept = STEPS[-1]["with"]["path"].split()
    assert kept == [f"{TARGET.as_posix()}/index.html", "reports/index.html"]


def test_no_event_text_becomes_a_command() -> None:
    """Names that others choose reach the shell as variables, never as part of a command."""
    assert not [command for command in COMMANDS if "${{" in command]
