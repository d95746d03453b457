"""An input that neither git nor DVC has is missed by clones and queued experiments."""

import os
import subprocess
from pathlib import Path

import pytest

from stages.tools.tracked import normal_path, tracking_note


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a git repository with a file and a folder, neither of them tracked."""
    root = tmp_path / "repo"
    (root / "data" / "my photos").mkdir(parents=True)
    (root / "data" / "my photos" / "a.jpg").write_text("a")
    (root / "table.csv").write_text("b")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    monkeypatch.chdir(root)
    return root


PLACES = ["data/my photos", "data/my photos/a.jpg", "table.csv", "./table.csv"]


@pytest.mark.parametrize("place", PLACES)
def test_what_nothing_tracks_is_noted_with_the_remedy(repo: Path, place: str) -> None:
    """The note has the param, the place, and a command that can be pasted."""
    note = tracking_note("key", place, [])
    assert note.startswith(f"key: {place} is in neither git nor DVC; `dvc add ")
    if " " in place:
        assert f"`dvc add '{place}'`" in note


@pytest.mark.parametrize("place", PLACES)
def test_what_git_tracks_needs_no_note(repo: Path, place: str) -> None:
    """A file that is added, or a folder with such a file, is there in every clone."""
    subprocess.run(["git", "add", "."], cwd=repo, check=True)
    assert tracking_note("key", place, []) == ""


@pytest.mark.parametrize("tracked", ["data.dvc", "data/my photos.dvc", "data/my photos/a.jpg.dvc"])
def test_what_dvc_tracks_needs_no_note(repo: Path, tracked: str) -> None:
    """The folder itself may be tracked, or one above it."""
    Path(tracked).write_text("outs: []")
    assert tracking_note("key", "data/my photos/a.jpg", []) == ""


def test_what_the_pipeline_makes_needs_no_note(repo: Path) -> None:
    """The sample is an output of a stage."""
    assert tracking_note("key", "data/my photos", ["data/my photos"]) == ""
    assert tracking_note("key", "data/my photos", ["data/my"]) != ""


def test_what_lies_outside_is_noted(repo: Path) -> None:
    """Neither can track a folder beside the repository, nor one that a link leads to."""
    outside = repo.parent / "outside"
    outside.mkdir()
    (repo / "link").symlink_to(outside)
    for place in ("../outside", "data/../../outside", "link"):
        assert "lies outside the repository" in tracking_note("key", place, [])
    assert normal_path("link") == "../outside"
    assert normal_path("./data/") == "data"


def test_without_git_there_is_still_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is no repository, or a machine without git, tracks nothing."""
    monkeypatch.chdir(tmp_path)
    assert tracking_note("key", "x", []) != ""
    monkeypatch.setenv("PATH", "")
    assert tracking_note("key", "x", []) != ""


def test_a_folder_on_another_drive_lies_outside(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no relative path to another drive; the absolute one is told as any outside."""

    def refuse(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", refuse)
    assert normal_path("data") == (repo / "data").as_posix()
    assert "lies outside the repository" in tracking_note("key", "data", [])


def test_a_bucket_needs_no_note(repo: Path) -> None:
    """Photos behind a URL are there for every clone."""
    assert tracking_note("key", "s3://birds/2024", []) == ""
