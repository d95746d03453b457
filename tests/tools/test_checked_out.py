"""Photos that are not those of the commit are told before anything is trained on them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stages.base.files import write_bytes, write_json
from stages.compare.dvc_cache import md5_of
from stages.tools.checked_out import checkout_notes, tracked_path

PHOTOS = {"cats/1.jpg": b"cat", "dogs/1.jpg": b"dogs"}
REMEDIES = (
    "; `dvc checkout data/photos` brings those of this commit, `dvc add data/photos` takes these"
)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a repository of DVC with two photos that it tracks."""
    monkeypatch.chdir(tmp_path)
    for path, content in PHOTOS.items():
        write_bytes(Path("data/photos") / path, content)
    track(PHOTOS)
    return tmp_path


def track(photos: dict[str, bytes], head: str = "") -> None:
    """Write what `dvc add data/photos` would write of these photos."""
    rows = [{"md5": md5_of(content), "relpath": path} for path, content in photos.items()]
    write_json(Path("listing"), rows)
    content = Path("listing").read_bytes()
    name = md5_of(content)
    write_bytes(Path(".dvc/cache/files/md5") / name[:2] / f"{name[2:]}.dir", content)
    size = sum(map(len, photos.values()))
    out = f"md5: {name}.dir\n  size: {size}\n  nfiles: {len(photos)}\n  hash: md5\n  path: photos"
    Path("data/photos.dvc").write_text(f"{head}outs:\n- {out}\n")


def notes(*paths: str) -> Sequence[str]:
    """Return the notes on the photos, or on these paths."""
    named = paths or ("data/photos",)
    return list(checkout_notes({f"key{number}": path for number, path in enumerate(named)}))


def test_the_photos_of_the_commit_need_no_note(repo: Path) -> None:
    """Nothing is said of what the .dvc file names, nor of what DVC leaves out of it."""
    Path(".dvcignore").write_text("*.tmp\n")
    Path("data/photos/cats/half.tmp").write_bytes(b"x")
    assert notes() == []


def test_more_photos_are_counted_against_those_of_the_commit(repo: Path) -> None:
    """The note has both numbers and sizes, and the command for either wish."""
    Path("data/photos/dogs/2.jpg").write_bytes(b"x" * 1000)
    (note,) = notes()
    counts = "data/photos has 3 files (1,007 bytes), data/photos.dvc names 2 files (7 bytes)"
    assert note == f"key0: {counts}{REMEDIES}"


def test_a_photo_in_the_folder_of_another_class_is_named(repo: Path) -> None:
    """Number and size stay when a photo is moved, which changes its label; its name tells."""
    Path("data/photos/cats/1.jpg").rename("data/photos/dogs/0.jpg")
    assert notes() == [
        f"key0: data/photos has 'dogs/0.jpg', which data/photos.dvc does not name{REMEDIES}"
    ]


def test_names_are_compared_in_the_cache_that_dvc_is_told(repo: Path) -> None:
    """A cache that several clones share has the listing; without it there are number and size."""
    Path("data/photos/cats/1.jpg").rename("data/photos/dogs/0.jpg")
    Path(".dvc/cache").rename("shared")
    assert notes() == []
    Path(".dvc/config").write_text("[cache]\n    dir = ../shared\n")
    assert "dogs/0.jpg" in notes()[0]
    Path(".dvc/config").write_text("no settings")
    assert notes() == []


def test_imported_photos_are_not_added(repo: Path) -> None:
    """`dvc add` would forget where they come from, so that only the way back is named."""
    track(PHOTOS, "deps:\n- path: /mnt/birds\n")
    Path("data/photos/cats/1.jpg").unlink()
    (note,) = notes()
    assert note.endswith("; `dvc checkout data/photos` brings those of this commit")


def test_a_file_is_compared_whole(repo: Path) -> None:
    """A table of the same length with another label is another one."""
    Path("data/labels.csv").write_text("cat")
    name = md5_of(b"dog")
    Path("data/labels.csv.dvc").write_text(
        f"outs:\n- md5: {name}\n  size: 3\n  hash: md5\n  path: labels.csv\n"
    )
    (note,) = notes("data/labels.csv")
    assert note.startswith("key0: data/labels.csv is not the one that data/labels.csv.dvc names; ")
    Path("data/labels.csv").write_text("dog")
    assert notes("data/labels.csv") == []


def test_a_folder_is_told_once(repo: Path) -> None:
    """Photos and a table among them are of one .dvc file, under the param that stands first."""
    Path("data/photos/cats/1.jpg").unlink()
    (note,) = notes("data/photos/dogs", "data/photos/labels.csv")
    assert note.startswith("key0: data/photos has 1 file (4 bytes), ")


@pytest.mark.parametrize("path", ["data/other", "../photos", "s3://birds/2024"])
def test_what_has_no_dvc_file_here_needs_no_note(repo: Path, path: str) -> None:
    """That is what nothing tracks, what lies outside of the repository, and a bucket."""
    assert tracked_path(path) == ""
    assert notes(path) == []


def test_a_damaged_dvc_file_is_named(repo: Path) -> None:
    """A line names it, and the check goes on."""
    Path("data/photos.dvc").write_text("outs: 1")
    assert notes()[0].startswith("key0: data/photos.dvc: outs: ")


def test_dvc_says_the_same(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `dvc add` tracked needs no note, in the form of this version of DVC."""
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
        monkeypatch.setenv(name, str(repo / "home"))
    for command in (["init", "-q", "-f", "--no-scm"], ["add", "-q", "data/photos"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], check=True)
    assert notes() == []
    Path("data/photos/cats/1.jpg").rename("data/photos/cats/2.jpg")
    assert "'cats/2.jpg'" in notes()[0]
