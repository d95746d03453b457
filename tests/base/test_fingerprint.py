"""Fingerprints change with what a stage depends on, and with nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.fingerprint import fingerprint, stage_fingerprints

ROOT = Path(__file__).parents[2]


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the fingerprints of fine_tune in a copy of the repository, which is the new cwd."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    for name in (
        "data/presized/0.tar",
        "data/probe.npz",
        "data/splits.csv",
        "data/weights/package",
        "data/weights/w.pth",
        "reports/lr_find/suggestion.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.base.fingerprint._ROOT", tmp_path)
    return stage_fingerprints("fine_tune", 2)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("data/presized/0.tar", "data"),
        ("data/presized/1.tar", "data"),
        ("data/probe.npz", "data"),
        ("data/splits.csv", "data"),
        ("data/weights/package", "data"),
        ("data/weights/w.pth", None),
        ("stages/train/step.py", "code"),
        ("stages/page/svg.py", None),
        ("data/labels.csv", None),
    ],
)
def test_a_changed_file_changes_its_part(
    name: str, part: str | None, before: dict[str, str], tmp_path: Path
) -> None:
    """A line more, or a file more, changes code or data; what the stage does not use, nothing."""
    with (tmp_path / name).open("a") as file:
        file.write("\n# A line.\n")
    after = stage_fingerprints("fine_tune", 2)
    assert {key for key in before if after[key] != before[key]} == ({part} if part else set())


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("params.yaml", "batch_size: 16", "batch_size: 8", "params"),
        ("params.yaml", "  size: 320", "  size: 321", "params"),
        ("params.yaml", "quality: 92", "quality: 93", None),
        ("params.yaml", "top_losses: 24", "top_losses: 23", None),
        ("stages/packages.yaml", 'torch: "', 'torch: "9', "packages"),
        ("stages/packages.yaml", 'jinja2: "', 'jinja2: "9', None),
    ],
)
def test_a_changed_value_changes_its_part(
    file: str, old: str, new: str, part: str | None, before: dict[str, str], tmp_path: Path
) -> None:
    """A param or version that dvc.yaml lists for the stage counts, and no other."""
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    after = stage_fingerprints("fine_tune", 2)
    assert {key for key in before if after[key] != before[key]} == ({part} if part else set())


def test_the_file_of_weights_counts(before: dict[str, str], tmp_path: Path) -> None:
    """The file that model.weights names is data: with other tensors it is another training."""
    params = (tmp_path / "params.yaml").read_text()
    assert "weights: package" in params
    (tmp_path / "params.yaml").write_text(params.replace("weights: package", "weights: w.pth"))
    named = stage_fingerprints("fine_tune", 2)
    (tmp_path / "data/weights/w.pth").write_text("other tensors")
    after = stage_fingerprints("fine_tune", 2)
    assert {key for key in before if after[key] != named[key]} == {"data"}


def test_missing_data_is_refused_by_name(before: dict[str, str], tmp_path: Path) -> None:
    """A file that dvc.yaml names must be there: none would count as the same as any other."""
    (tmp_path / "data/splits.csv").unlink()
    with pytest.raises(UserError, match=r"data/splits\.csv is missing"):
        stage_fingerprints("fine_tune", 2)


def test_threads_change_nothing(before: dict[str, str]) -> None:
    """However many threads read the files, the fingerprints are the same."""
    assert stage_fingerprints("fine_tune", 1) == before


def test_it_is_the_hash_of_the_values_as_json() -> None:
    """Piece by piece comes what the whole text gives, of whatever JSON knows."""
    values: tuple[object, ...] = (
        ["ü", 'a"b', "\u2028"],
        {"b": [1, 2.5, 1e-7, None], "a": {"c": True}},
        (),
        {},
        "",
    )
    text = json.dumps(values, sort_keys=True)
    assert fingerprint(*values) == sha256_bytes(text.encode())[:16]


def test_values_and_their_order_count_but_not_the_order_of_keys() -> None:
    """Anything that differs changes it; how a mapping happens to be ordered does not."""
    assert len(fingerprint()) == 16
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    different: list[tuple[object, ...]] = [
        ("a", "b"),
        ("b", "a"),
        ("ab",),
        (["a", "b"],),
        ({"a": 1},),
        ({"a": "1"},),
        (1.5,),
    ]
    assert len({fingerprint(*things) for things in different}) == len(different)
