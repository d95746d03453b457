"""A path that leads into a tar means the photo there, and no other."""

import os
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.packed import PackedFile
from stages.dataset import tar_index
from stages.predict.path_in_tar import TarPaths, is_missing, problem_of_tars
from stages.predict.photo_source import PhotoSource, Unread, read_source_bytes
from tests.tar_files import write_folder, write_tar


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with tars/, of two tars, and mixed/, of a tar beside a photo."""
    monkeypatch.chdir(tmp_path)
    write_tar(Path("tars/a.tar"), {"cat/1.jpg": b"cat one", "top.jpg": b"top"})
    write_tar(Path("tars/2024/b.tar"), {"cat/2.jpg": b"cat two"})
    write_tar(Path("mixed/c.TAR"), {"./cat/1.jpg": b"mixed one"})
    write_folder(Path("mixed"), {"cat.jpg": b"a file"})
    return tmp_path


def read(path: str | Path) -> bytes | Unread:
    """Return what is read at a path."""
    return read_source_bytes(PhotoSource("photo", TarPaths().find(Path(path))))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("tars/cat/1.jpg", b"cat one"),
        ("tars/top.jpg", b"top"),
        ("tars/a.tar/cat/1.jpg", b"cat one"),
        ("./tars//a.tar/./cat/1.jpg", b"cat one"),
        ("tars/cat/2.jpg", b"cat two"),
        ("tars/2024/cat/2.jpg", b"cat two"),
        ("tars/2024/b.tar/cat/2.jpg", b"cat two"),
        ("mixed/c.TAR/cat/1.jpg", b"mixed one"),
        ("mixed/cat.jpg", b"a file"),
    ],
)
def test_a_path_into_a_tar_is_read(folder: Path, path: str, content: bytes) -> None:
    """By the folder of the tars as results have it, by the tar itself, and from any folder."""
    assert read(path) == content
    assert read(folder / path) == content


def test_from_inside_a_folder_of_tars(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths are those in the tars."""
    monkeypatch.chdir(folder / "tars")
    assert read("cat/1.jpg") == b"cat one"
    assert read("top.jpg") == b"top"


@pytest.mark.parametrize(
    "path",
    ["tars/dog/1.jpg", "tars/a.tar/dog.jpg", "tars/a.tar/a.tar", "mixed/cat/1.jpg", "gone/1.jpg"],
)
def test_what_is_not_there_does_not_exist(path: str) -> None:
    """As of a file: in a tar, in a folder of tars, and beside a tar that is not alone."""
    assert is_missing(TarPaths().find(Path(path)))
    assert read(path) == Unread("unreadable: No such file or directory")


def test_other_paths_are_as_they_were(folder: Path) -> None:
    """A file, a broken link, a folder and what is too long or no name at all are no tars'."""
    Path("tars.tar").mkdir()
    write_folder(Path("tars.tar"), {"1.jpg": b"plain"})
    Path("link.jpg").symlink_to("nowhere")
    for path in ("mixed/cat.jpg", "tars.tar/1.jpg", "link.jpg", "mixed", "tars"):
        assert TarPaths().find(Path(path)) == Path(path)
        assert not is_missing(Path(path))
    for path in ("a" * 5000, "a/" * 2000 + "1.jpg", "a\0/b.jpg", "mixed/cat.jpg/1.jpg"):
        assert TarPaths().find(Path(path)) == Path(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_a_pipe_named_as_a_tar_is_not_waited_for() -> None:
    """It holds no photo."""
    os.mkfifo("pipe.tar")
    assert TarPaths().find(Path("pipe.tar/1.jpg")) == Path("pipe.tar/1.jpg")


def test_a_path_that_two_photos_have_is_a_problem() -> None:
    """A folder beside tars may be named as one in them: nobody can tell which photo is meant."""
    write_tar(Path("tars/cat/c.tar"), {"1.jpg": b"another", "3.jpg": b"three"})
    assert read("tars/cat/1.jpg") == Unread(
        "unreadable: two photos have this path, in tars/a.tar and tars/cat/c.tar"
    )
    assert read("tars/cat/3.jpg") == b"three"
    assert read("tars/a.tar/cat/1.jpg") == b"cat one"


def test_tars_that_cannot_be_used_are_a_problem_of_their_photos() -> None:
    """Damage, a path twice and compression are named; other photos are read."""
    write_tar(Path("cut/a.tar"), {"1.jpg": bytes(9000)})
    os.truncate("cut/a.tar", 5000)
    write_tar(Path("twice/a.tar"), {"1.jpg": b"1"})
    write_tar(Path("twice/b.tar"), {"1.jpg": b"2"})
    write_folder(Path(), {"gz/a.tar.gz": b"", "mixed/b.tgz": b""})
    paths = TarPaths()
    for path, said in {
        "cut/1.jpg": "cut/a.tar is damaged at byte 512",
        "cut/a.tar/1.jpg": "cut/a.tar is damaged at byte 512",
        "twice/1.jpg": "twice: 1 path more than once",
        "gz/1.jpg": "gz holds 1 compressed tar",
        "mixed/b.tgz/1.jpg": "unreadable: mixed/b.tgz is compressed, and one photo is read",
    }.items():
        place = paths.find(Path(path))
        assert isinstance(place, Unread)
        assert place.problem.startswith(said)
        assert not is_missing(place)
    assert read("twice/b.tar/1.jpg") == b"2"


def test_each_tar_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many photos of it are named, by the folder of the tars or by the tar."""
    walked: list[str] = []
    walk = tar_index._walked

    def noted(tar: Path) -> tar_index.TarIndex:
        walked.append(tar.name)
        return walk(tar)

    monkeypatch.setattr(tar_index, "_walked", noted)
    paths = TarPaths()
    for number in range(50):
        paths.find(Path(f"mixed/c.TAR/{number}/1.jpg"))
        paths.find(Path(f"tars/{number}/1.jpg"))
    assert sorted(walked) == ["a.tar", "b.tar", "c.TAR"]
    assert isinstance(TarPaths().find(Path("mixed/c.TAR/cat/1.jpg")), PackedFile)
    assert len(walked) == 3  # it is remembered for the next command


def test_a_fault_of_the_disk_may_pass() -> None:
    """The problem has the first two lines of the error, and says whether to try again."""
    error = UserError("a.tar cannot be read", "  a line", "  a third")
    assert problem_of_tars(error) == Unread("a.tar cannot be read a line")
    error.__context__ = TimeoutError()
    assert problem_of_tars(error) == Unread("a.tar cannot be read a line", again=True)
