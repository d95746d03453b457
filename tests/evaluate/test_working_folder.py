"""Answers are kept under all that they depend on, and one run at a time works on an --out."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from stages.base.bucket import BucketFile
from stages.base.errors import UserError
from stages.base.packed import PackedFile
from stages.evaluate.working_folder import photo_versions, working_folder
from stages.predict.photo_source import Address, PhotoSource, Unread

OUT = Path("out")


def end_early(private: Path, out: Path, key: str) -> Path:
    """Return the folder of a run that wrote an answer and was ended."""
    with suppress(KeyboardInterrupt), working_folder(private, out, key) as folder:
        folder.mkdir(exist_ok=True)
        (folder / "answers").touch()
        raise KeyboardInterrupt
    return folder


def test_answers_stay_until_a_run_ends(tmp_path: Path) -> None:
    """What a run that was ended left is there for the next, and gone when that one is through."""
    left = end_early(tmp_path, OUT, "a")
    with working_folder(tmp_path, OUT, "a") as folder:
        assert folder == left
        assert (folder / "answers").exists()
    assert not folder.exists()


def test_answers_under_another_key_go(tmp_path: Path) -> None:
    """Of one --out only the answers under the present key stay, those of another --out all do."""
    old = end_early(tmp_path, OUT, "a")
    other = end_early(tmp_path, Path("other"), "a")
    with working_folder(tmp_path, OUT, "b") as folder:
        assert folder != old
        assert not old.exists()
    assert other.exists()


def test_two_runs_on_one_out_do_not_meet(tmp_path: Path) -> None:
    """The second is refused, names the first, and removes nothing of it; another --out is free."""
    with working_folder(tmp_path, OUT, "a") as folder:
        folder.mkdir()
        with (
            pytest.raises(UserError, match=f"--out out is being written .*process {os.getpid()}"),
            working_folder(tmp_path, OUT, "b"),
        ):
            pass
        assert folder.exists()
        with working_folder(tmp_path, Path("other"), "b"):
            pass


def test_a_photo_that_changes_is_another_version(tmp_path: Path) -> None:
    """Size and time tell a file that was replaced; what is no file has neither."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"one")
    sources = [
        PhotoSource("a.jpg", file),
        PhotoSource("gone", tmp_path / "gone"),
        PhotoSource("web", Address("http://photos/a.jpg")),
        PhotoSource("bad", Unread("a pipe")),
    ]
    before = photo_versions(sources)
    listed = BucketFile("s3://birds", "a.jpg", 3, "etag")
    assert photo_versions([PhotoSource("far", listed)]) == [("far", 3, "etag")]
    assert before == photo_versions(sources)
    assert before[1:] == [("gone", 0, 0), ("web", 0, 0), ("bad", 0, 0)]
    os.utime(file, ns=(1, 1))
    changed = photo_versions(sources)
    assert changed[0] == ("a.jpg", 3, 1)
    file.write_bytes(b"other")
    os.utime(file, ns=(1, 1))
    assert photo_versions(sources)[0] != changed[0]


def test_a_photo_in_another_tar_is_another_version(tmp_path: Path) -> None:
    """Another place in the tar, and a tar replaced by one of its size and date, are told."""
    tar = tmp_path / "a.tar"
    tar.write_bytes(b"one")
    os.utime(tar, ns=(1, 1))
    first, second = (PhotoSource("in", PackedFile(tar, offset, 2, "in")) for offset in (0, 1))
    before = photo_versions([first])
    assert before == photo_versions([first])
    assert before[0][:2] == ("in", 2)
    assert before != photo_versions([second])
    (tmp_path / "b.tar").write_bytes(b"two")
    os.utime(tmp_path / "b.tar", ns=(1, 1))
    (tmp_path / "b.tar").replace(tar)
    assert before != photo_versions([first])
    tar.unlink()
    assert photo_versions([first]) == [("in", 0, 0)]
