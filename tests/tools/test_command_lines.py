"""Command lines are lists of words in which a value stays one word, for modules that exist."""

import re
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools.command_lines import COMMANDS

ROOT = Path(__file__).parents[2]
HOSTILE = ["a b; touch ran", "$(touch ran)", "*", "--help", "a=b", "' \""]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_word_of_a_program(value: str) -> None:
    """No value becomes an option, a pattern or a command; that of OTHER is parted at spaces."""
    assert COMMANDS["predict"].programs({"PHOTOS": value, "OUT": value}) == [
        ["python", "-m", "stages.tools.predict", "--out", value, "--", value]
    ]
    (predict,) = COMMANDS["predict"].programs({"PHOTOS": "album", "REV": value})
    assert predict[3:] == ["--rev", value, "--", "album"]
    (predict,) = COMMANDS["predict"].programs({"PHOTOS": "album", "CROPS": value})
    assert predict[3:] == ["--crops", value, "--", "album"]
    (compare,) = COMMANDS["compare"].programs({"BASE": value, "OTHER": value})
    assert compare[3:] == [value, *value.split()]


def test_start_takes_its_options_from_make() -> None:
    """COPY=1, YES=1 and TAKE=2 are the options of the tool; another value of a switch is none."""
    (all_of_them,) = COMMANDS["start"].programs(
        {"PHOTOS": "album", "COPY": "1", "YES": "1", "TAKE": "2"}
    )
    assert all_of_them[3:] == ["--take=2", "--copy", "--yes", "--", "album"]
    (none,) = COMMANDS["start"].programs({"PHOTOS": "album", "COPY": "0", "YES": "no"})
    assert none[3:] == ["--", "album"]


def test_a_past_model_is_evaluated_by_its_revision() -> None:
    """REV=v1 chooses the model, as it does for predict; without it the workspace's is evaluated."""
    values = {"PHOTOS": "album", "OUT": "out"}
    (present,) = COMMANDS["evaluate"].programs(values)
    assert present[3:] == ["--out", "out", "--", "album"]
    (past,) = COMMANDS["evaluate"].programs(values | {"REV": "v1"})
    assert past[3:] == ["--out", "out", "--rev", "v1", "--", "album"]


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
    assert ["python", "-m", "mypy", "--platform", "win32"] in [words[:5] for words in check]


def test_what_is_needed_is_asked_for_together() -> None:
    """All values that a command lacks are named at once."""
    with pytest.raises(UserError, match=r"^PHOTOS=folder .*, OUT=folder says where"):
        COMMANDS["evaluate"].programs({})


def test_seeds_are_counted_from_one() -> None:
    """N seeds are 1 to N, five unless N says another number, and zeros before it are no matter."""
    for values, ranges in (({}, "1,6"), ({"N": "08"}, "1,9")):
        (words,) = COMMANDS["seeds"].programs(values)
        assert words[-1] == f"seed=range({ranges})"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ('{"unequal_classes": true}', True),
        ('{"unequal_classes": false}', False),
        ("{}", False),
        ("[]", False),
        ("garbage", False),
        (None, False),
    ],
)
def test_unequal_classes_have_a_column_of_mean_recall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, shown: bool
) -> None:
    """The table of experiments has it where the last run says so, and in no other case."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("reports/interpret").mkdir(parents=True)
        Path("reports/interpret/metrics.json").write_text(content)
    (words,) = COMMANDS["experiments"].programs({})
    kept = re.compile(words[words.index("--keep") + 1])
    dropped = re.compile(words[words.index("--drop") + 1])
    assert (kept.match("macro_recall.value") is not None) is shown
    assert (dropped.match("macro_recall.value") is None) is shown
    assert kept.match("error_rate.low")
    assert not kept.match("macro_recall.low")


def test_tools_of_development_are_in_their_own_environment() -> None:
    """What runs pytest, ruff or mypy has the pins of development too, and nothing else has."""
    tools = {"pytest", "ruff", "mypy"}
    values = {"PHOTOS": "album", "OUT": "out"}
    for name, command in COMMANDS.items():
        used = {words[2] for words in command.programs(values) if words[1] == "-m"} & tools
        files = [] if command.own_python is None else command.own_python.pins
        wanted = bool(used) or name == "dev-environment"
        assert wanted == (Path("requirements-dev.txt") in files), name
