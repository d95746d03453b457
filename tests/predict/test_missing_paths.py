"""Paths at which nothing lies are named together; what is no path is left to be read."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.predict.missing_paths import refuse_missing_paths
from tests.tar_files import write_tar


def test_all_missing_paths_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a photo, a table and a file:// that are not there stand in one line."""
    monkeypatch.chdir(tmp_path)
    Path("here.jpg").touch()
    missing = ["gone", "gone.jpg", "album/gone.csv"]
    with pytest.raises(UserError) as error:
        refuse_missing_paths([missing[0], "here.jpg", *missing[1:]])
    assert len(error.value.lines) == 1
    assert all(name in error.value.lines[0] for name in missing)
    assert "here" not in error.value.lines[0]
    with pytest.raises(UserError, match="does not exist; name photos"):
        refuse_missing_paths([(tmp_path / "gone").as_uri()])


def test_a_photo_in_a_tar_is_not_missing(tmp_path: Path) -> None:
    """By the folder of its tar or by the tar; what no tar has is missing, a damaged tar is not."""
    write_tar(tmp_path / "tars" / "a.tar", {"cat/1.jpg": b"1"})
    write_tar(tmp_path / "cut.tar", {"1.jpg": bytes(9000)})
    (tmp_path / "cut.tar").write_bytes((tmp_path / "cut.tar").read_bytes()[:5000])
    there = ["tars/cat/1.jpg", "tars/a.tar/cat/1.jpg", "cut.tar/1.jpg"]
    refuse_missing_paths([str(tmp_path / path) for path in there])
    with pytest.raises(UserError, match=r"tars/cat/2\.jpg.* does not exist"):
        refuse_missing_paths([f"{tmp_path}/tars/cat/2.jpg"])


def test_what_is_no_path_is_not_looked_for(tmp_path: Path) -> None:
    """A list on stdin, an address, a bucket, a pattern and a broken link are read as before."""
    (tmp_path / "link.jpg").symlink_to("nowhere.jpg")
    others = ["-", "https://example.org/a.jpg", "s3://birds/2024", f"{tmp_path}/*.jpg"]
    refuse_missing_paths([*others, str(tmp_path / "link.jpg"), str(tmp_path)])
