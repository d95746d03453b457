"""Beside a model lie the results of the project that it is in, or of this one."""

from pathlib import Path

import pytest

from stages.base.files import write_bytes
from stages.predict.model_files import content_of, model_in_folder
from tests.predict.example_run import FILES


def make_project(root: Path, name: bytes) -> Path:
    """Write files of a project; return the folder of its model."""
    write_bytes(root / FILES.card, b"card of " + name)
    write_bytes(root / FILES.lock, b"lock of " + name)
    write_bytes(root / FILES.details, b"details of " + name)
    return root / FILES.model


def test_a_model_in_its_place_has_the_results_of_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may be of another project, and be named by a relative path or by the whole one."""
    here = make_project(tmp_path / "here", b"here")
    there = make_project(tmp_path / "there", b"there")
    monkeypatch.chdir(tmp_path / "here")
    for folder, name in ((Path(FILES.model), b"here"), (here, b"here"), (there, b"there")):
        found = model_in_folder(folder, FILES)
        assert found.folder == folder
        assert found.card == b"card of " + name
        assert (found.lock, found.details) == (b"lock of " + name, b"details of " + name)


def test_a_model_elsewhere_has_the_results_of_this_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of any name may hold a copy of this project's model, which its card shows."""
    make_project(tmp_path / "here", b"here")
    write_bytes(tmp_path / "copy" / "model.json", b"a card")
    monkeypatch.chdir(tmp_path / "here")
    found = model_in_folder(tmp_path / "copy", FILES)
    assert (found.card, found.lock) == (b"a card", b"lock of here")


def test_what_is_not_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder alone has no results, and a folder in the place of a file has no content."""
    monkeypatch.chdir(tmp_path)
    found = model_in_folder(tmp_path / "model", FILES)
    assert (found.card, found.lock, found.details) == (None, None, None)
    assert content_of(tmp_path) is None
