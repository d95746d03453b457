"""What a user installs and what only develops are apart, and both are installed as pinned."""

import re
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USER = ROOT / "requirements.txt"
DEVELOPER = ROOT / "requirements-dev.txt"
# Which file of this project starts each, or which package brings types for which.
USED_BY = {
    "ruff": "stages/tools/command_lines.py",
    "mypy": "stages/tools/command_lines.py",
    "pytest": "stages/tools/command_lines.py",
    "pytest-xdist": "stages/tools/command_lines.py",
    "hypothesis": "tests/stats/test_bins.py",
    "cmarkgfm": "tests/page/github_markdown.py",
    "playwright": "tests/chromium.py",
}


def normal(name: str) -> str:
    """Return the name of a package as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: Path) -> dict[str, set[str]]:
    """Return the versions of each package that a file pins; several for several systems."""
    found: dict[str, set[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            found.setdefault(normal(match[1]), set()).add(match[2])
    return found


def direct(name: str) -> set[str]:
    """Return the packages that a file of direct requirements names."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    named = [re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith("-")]
    return {normal(match[0]) for match in named if match}


def test_a_package_has_one_version_for_both() -> None:
    """What the tools need beside the pipeline is pinned to the same version, so both install."""
    user = pins(USER)
    developer = pins(DEVELOPER)
    common = user.keys() & developer.keys()
    assert {"numpy", "packaging"} <= common
    assert [name for name in common if not developer[name] <= user[name]] == []


def test_a_user_installs_no_tool_of_development() -> None:
    """No direct requirement of development is among what a user installs."""
    tools = direct("requirements-dev.in")
    assert {"pytest", "ruff", "mypy", "playwright"} <= tools
    assert tools.isdisjoint(pins(USER))
    assert tools <= pins(DEVELOPER).keys()
    assert direct("requirements.in") <= pins(USER).keys()


@pytest.mark.parametrize("name", sorted(direct("requirements-dev.in")))
def test_every_tool_is_used(name: str) -> None:
    """A tool is started or imported here; types are of a package that a user installs."""
    if name.startswith("types-") or name.endswith("-stubs"):
        assert name.removeprefix("types-").removesuffix("-stubs") in pins(USER)
        return
    words = {"pytest-xdist": "--dist"}.get(name, name)
    assert words in (ROOT / USED_BY[name]).read_text(encoding="utf-8")


def test_the_tools_are_installed_as_pinned() -> None:
    """The environment that runs this test has the versions of requirements-dev.txt."""
    present = {normal(one.name) for one in distributions()}
    expected = {name: one for name, one in pins(DEVELOPER).items() if name in present}
    assert direct("requirements-dev.in") <= expected.keys()
    assert [name for name, one in expected.items() if version(name) not in one] == []
