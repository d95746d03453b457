"""Presets are data: their values go into params.yaml, whose comments and layout stay."""

import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.params import Section
from stages.base.yaml_file import read_yaml
from stages.tools import preset
from stages.tools.param_sections import SECTIONS
from stages.tools.params import all_params
from stages.tools.yaml_text import values_as_written

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text("utf-8")
NAMES = preset.preset_names(ROOT)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the params and the presets of the project."""
    (tmp_path / "params.yaml").write_text(TEXT, "utf-8")
    (tmp_path / "presets").mkdir()
    for name in NAMES:
        text = (ROOT / "presets" / f"{name}.yaml").read_text("utf-8")
        (tmp_path / "presets" / f"{name}.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_preset(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the command with these arguments."""
    monkeypatch.setattr(sys, "argv", ["preset", *arguments])
    preset.main()


def other_values(name: str) -> dict[str, str]:
    """Return the values of a preset that differ from those of params.yaml."""
    before = values_as_written(TEXT)
    values = preset.preset_values(ROOT, name)
    return {key: value for key, value in values.items() if before[key] != value}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_sets_known_params(name: str) -> None:
    """Every key of a preset is a param, and no preset sets the seed."""
    assert set(preset.preset_values(ROOT, name)) <= set(all_params()) - {"seed"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("section", "model"), SECTIONS.items())
def test_the_values_of_a_preset_are_valid(
    name: str, section: str, model: type[Section], repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """params.yaml with the preset passes the model of each section."""
    run_preset(monkeypatch, name)
    content = read_yaml(repo / "params.yaml")[section]
    assert model.model_validate(content).model_dump() == content


def test_photographs_sets_what_photographs_need(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The values of the preset arrive in their own sections, and each change is printed."""
    run_preset(monkeypatch, "photographs")
    before = read_yaml(ROOT / "params.yaml")
    after = read_yaml(repo / "params.yaml")
    wanted = read_yaml(ROOT / "presets" / "photographs.yaml")
    assert after == {
        name: section | wanted.get(name, {}) if isinstance(section, dict) else section
        for name, section in before.items()
    }
    assert after["augment"]["flip"] is True
    assert after["fine_tune"]["base_lr"] == 0.002
    lines = capsys.readouterr().out.splitlines()
    assert "augment.flip: false -> true" in lines
    assert "fine_tune.base_lr: auto -> 0.002" in lines
    assert len(lines) == len(other_values("photographs"))


def test_all_but_the_values_stays() -> None:
    """Nothing but the values changes, so that a diff shows them and nothing else."""
    values = preset.preset_values(ROOT, "photographs")
    changed, changes = preset.merge_preset(TEXT, values)
    pairs = list(zip(TEXT.split("\n"), changed.split("\n"), strict=True))
    differ = [(old, new) for old, new in pairs if old != new]
    assert len(differ) == len(changes) == len(other_values("photographs"))
    assert all(old.split(" # ")[1] == new.split(" # ")[1] for old, new in differ)
    assert values_as_written(changed) == values_as_written(TEXT) | values


def test_a_second_time_changes_nothing(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where all is set already, the command says so and leaves every byte."""
    run_preset(monkeypatch, "photographs")
    first = (repo / "params.yaml").read_bytes()
    capsys.readouterr()
    run_preset(monkeypatch, "photographs")
    assert capsys.readouterr().out == "params.yaml has every value for photographs already\n"
    assert (repo / "params.yaml").read_bytes() == first


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_line_ends_of_the_file_stay(
    repo: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """A params.yaml that Windows wrote changes in its values alone, and not in every line."""
    before = TEXT.replace("\n", ends).encode()
    (repo / "params.yaml").write_bytes(before)
    run_preset(monkeypatch, "photographs")
    after = (repo / "params.yaml").read_bytes()
    pairs = list(zip(before.split(b"\n"), after.split(b"\n"), strict=True))
    assert sum(old != new for old, new in pairs) == len(other_values("photographs"))
    assert after.count(b"\r") == before.count(b"\r")


@pytest.mark.parametrize("arguments", [(), ("photograph",), ("photographs", "more")])
def test_an_unknown_preset_names_those_there_are(
    repo: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """A wrong name, none or two are refused with the names to choose from, and nothing changes."""
    with pytest.raises(UserError, match="photographs"):
        run_preset(monkeypatch, *arguments)
    assert (repo / "params.yaml").read_text("utf-8") == TEXT


def test_a_key_that_params_yaml_lacks_is_named() -> None:
    """A preset cannot set a key that is not there."""
    with pytest.raises(UserError, match=r"params\.yaml: augment\.size is missing"):
        preset.merge_preset("seed: 1\n", {"augment.size": "224"})


def test_elsewhere_it_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the repository, the file that is missing is named with the place to run."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"params\.yaml is missing; run from the root"):
        run_preset(monkeypatch, "photographs")


def test_a_preset_that_is_no_yaml_is_one_line(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken preset is named by its file, and params.yaml stays."""
    (repo / "presets" / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(UserError, match=r"broken\.yaml is not valid YAML"):
        run_preset(monkeypatch, "broken")
    assert (repo / "params.yaml").read_text("utf-8") == TEXT
