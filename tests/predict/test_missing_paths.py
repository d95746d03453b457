"""Paths at which nothing lies are named together; what is no path is left to be read."""

import io
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.dataset.packed_folder import PackedContent, read_packed
from stages.predict import path_in_tar
from stages.predict.find_sources import find_sources
from stages.predict.missing_paths import refuse_missing_paths
from stages.predict.path_in_tar import TarPaths
from tests.tar_files import write_tar


def test_all_missing_paths_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a photo, a table and a file:// that are not there stand in one line."""
    monkeypatch.chdir(tmp_path)
    Path("here.jpg").touch()
    missing = ["gone", "gone.jpg", "album/gone.csv"]
    with pytest.raises(UserError) as error:
        refuse_missing_paths([missing[0], "here.jpg", *missing[1:]], TarPaths())
    assert len(error.value.lines) == 1
    assert all(name in error.value.lines[0] for name in missing)
    assert "here" not in error.value.lines[0]
    with pytest.raises(UserError, match="does not exist; name photos"):
        refuse_missing_paths([(tmp_path / "gone").as_uri()], TarPaths())


def test_a_photo_in_a_tar_is_not_missing(tmp_path: Path) -> None:
    """By the folder of its tar or by the tar; what no tar has is missing, a damaged tar is not."""
    write_tar(tmp_path / "tars" / "a.tar", {"cat/1.jpg": b"1"})
    write_tar(tmp_path / "cut.tar", {"1.jpg": bytes(9000)})
    (tmp_path / "cut.tar").write_bytes((tmp_path / "cut.tar").read_bytes()[:5000])
    there = ["tars/cat/1.jpg", "tars/a.tar/cat/1.jpg", "cut.tar/1.jpg"]
    refuse_missing_paths([str(tmp_path / path) for path in there], TarPaths())
    with pytest.raises(UserError, match=r"tars/cat/2\.jpg.* does not exist"):
        refuse_missing_paths([f"{tmp_path}/tars/cat/2.jpg"], TarPaths())


def test_a_tar_is_read_once_for_all_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many photos of it are named, also to find them once they are known to be there."""
    read: list[Path] = []

    def noted(root: Path) -> PackedContent:
        read.append(root)
        return read_packed(root)

    monkeypatch.setattr(path_in_tar, "read_packed", noted)
    monkeypatch.chdir(tmp_path)
    write_tar(Path("tars/a.tar"), {f"{number}.jpg": b"1" for number in range(30)})
    Path("note.txt").touch()
    paths = [f"tars/{number}.jpg" for number in range(30)]
    tars = TarPaths()
    refuse_missing_paths(paths, tars)
    assert len(find_sources(paths, "path", io.BytesIO(), tars)) == 30
    assert read == [Path("tars")]


def test_what_is_no_path_is_not_looked_for(tmp_path: Path) -> None:
    """A list on stdin, an address, a bucket, a pattern and a broken link are read as before."""
    (tmp_path / "link.jpg").symlink_to("nowhere.jpg")
    others = ["-", "https://example.org/a.jpg", "s3://birds/2024", f"{tmp_path}/*.jpg"]
    present = [*others, str(tmp_path / "link.jpg"), str(tmp_path)]
    refuse_missing_paths(present, TarPaths())
    with pytest.raises(UserError) as caught:
        refuse_missing_paths([*present, "absent.jpg"], TarPaths())
    assert str(caught.value) == "'absent.jpg' does not exist; name photos or a folder of them"
