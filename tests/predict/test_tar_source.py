"""A tar that is named gives its photos, and what is wrong with it is a row."""

import errno
import io
import os
import tarfile
from pathlib import Path

import pytest

from stages.predict import tar_source as module
from stages.predict.photo_source import PhotoSource, Unread
from tests.predict.test_find_sources import sources


def make_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    """Write a tar of files with contents."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_tar_that_cannot_be_read_now_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the disk below a tar may pass, and says nothing of what is in it."""
    make_tar(tmp_path / "a.tar", {"a.jpg": b"1"})

    def stale(*_: object) -> object:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(tarfile, "open", stale)
    (source,) = sources(tmp_path / "a.tar")
    assert source.place == Unread("unreadable: Stale file handle", again=True)


def test_the_name_in_a_tar_may_begin_at_the_root(tmp_path: Path) -> None:
    """The row of such a photo still names the tar."""
    path = make_tar(tmp_path / "a.tar", {"/photos/1.jpg": b"1"})
    assert sources(path)[0].name == f"{path}//photos/1.jpg"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_photos_come_out_of_a_tar(tmp_path: Path, mode: str) -> None:
    """Members that are named like photos come with their bytes, whatever compresses the tar."""
    suffix = mode.replace("w", "").replace(":", ".")
    members = {"a/b.jpg": b"1", "note.txt": b"2", "._b.jpg": b"3", "c.png": b"4"}
    path = make_tar(tmp_path / f"photos.tar{suffix}", members, mode)
    assert sources(path) == [
        PhotoSource(f"{path}/a/b.jpg", b"1"),
        PhotoSource(f"{path}/c.png", b"4"),
    ]


def test_a_damaged_tar_is_a_problem_behind_its_photos(tmp_path: Path) -> None:
    """What comes before the damage is read, and the loss of the rest is a row."""
    content = make_tar(tmp_path / "a.tar", {f"{n}.jpg": bytes(2000) for n in range(9)}).read_bytes()
    (tmp_path / "a.tar").write_bytes(content[:5000])
    *whole, broken = sources(tmp_path / "a.tar")
    assert [Path(source.name).name for source in whole] == ["0.jpg"]
    assert isinstance(broken.place, Unread)
    assert broken.place.problem.startswith("damaged tar: unexpected end of data")


def test_a_tar_that_is_none_is_a_problem(tmp_path: Path) -> None:
    """A missing tar, a text and a pipe named like one are rows; nothing is waited for."""
    (tmp_path / "text.tar").write_text("no tar at all")
    os.mkfifo(tmp_path / "pipe.tar")
    problems = [sources(tmp_path / f"{name}.tar")[0].place for name in ("absent", "text", "pipe")]
    assert problems[0] == Unread("unreadable: No such file or directory")
    assert isinstance(problems[1], Unread)
    assert problems[1].problem.startswith("damaged tar")
    assert problems[2] == Unread("not a file: a pipe, a socket or a device")


def test_links_and_giants_in_a_tar_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link, and a member with more bytes than a photo has, are not followed or read."""
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link.jpg")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
        giant = tarfile.TarInfo("giant.jpg")
        giant.size = 11
        archive.addfile(giant, io.BytesIO(bytes(11)))
    link_place, giant_place = (source.place for source in sources(path))
    assert link_place == Unread("not a file: a link or a device in the tar")
    assert str(giant_place).startswith("Unread(problem='too large: 11 bytes")


def test_the_members_of_a_tar_are_forgotten(tmp_path: Path) -> None:
    """Memory does not grow with a tar: what was read of it is not kept."""
    path = make_tar(tmp_path / "a.tar", {f"{n}.jpg": b"1" for n in range(200)})
    kept: list[int] = []
    original = tarfile.TarFile.extractfile

    def noting(archive: tarfile.TarFile, member: tarfile.TarInfo) -> object:
        kept.append(len(archive.members))  # type: ignore[attr-defined]
        return original(archive, member)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extractfile", noting)
        assert len(sources(path)) == 200
    assert max(kept) <= 1


@pytest.mark.parametrize(("kind", "is_file"), [(b"Z", True), (b"V", False), (b"M", False)])
def test_kinds_that_nobody_knows_are_files(tmp_path: Path, kind: bytes, is_file: bool) -> None:
    """As POSIX says, and as in a folder of tars; a label and the rest of a file are none."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        odd = tarfile.TarInfo("odd.jpg")
        odd.type = kind
        odd.size = 3
        archive.addfile(odd, io.BytesIO(b"one"))
    make_tar(path, {"z.jpg": b"2"}, "a")
    (source, last) = sources(path)
    assert last.place == b"2"
    assert (source.place == b"one") == is_file
    assert isinstance(source.place, Unread) != is_file
