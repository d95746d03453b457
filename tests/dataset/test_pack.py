"""Packing writes every file once, the same bytes each time, and nothing by halves."""

import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from typing import IO, Any

import pytest

from stages.base.errors import UserError
from stages.base.stage_lock import required_lock
from stages.dataset import pack as pack_module
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.pack import files_to_pack, pack_files
from stages.dataset.packed_folder import files_in, open_photos
from tests.file_limit import no_file_larger_than
from tests.tar_files import write_folder

OUT = Path("packed")
PHOTOS = Path("photos")
LONG = f"{'deep/' * 40}{'n' * 120} é.jpg"
FILES = {f"{name}/{n}.jpg": f"{name}{n}".encode() * 99 for name in ("cat", "dog") for n in range(6)}
FILES |= {"note.txt": b"text", LONG: b"long", "empty.jpg": b""}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with photos/."""
    monkeypatch.chdir(tmp_path)
    return write_folder(tmp_path / "photos", FILES)


def pack(photos: Path = PHOTOS, most_files: int = 4, most_bytes: int = 10**6) -> list[str]:
    """Pack a folder into few files a tar; return the names of the new tars."""
    paths = files_to_pack(photos, OUT).new
    return [tar.name for tar in pack_files(photos, paths, OUT, most_files, most_bytes)]


def test_a_packed_folder_scans_as_the_folder(folder: Path) -> None:
    """Every file is there under its path with its facts, those that are no photos too."""
    assert pack() == [f"photos-00000{number}.tar" for number in range(4)]
    assert scan_photos("packed", 1) == scan_photos("photos", 1)
    with tarfile.open(OUT / "photos-000001.tar") as tar:
        names = tar.getnames()
    assert names == sorted(FILES)[4:8]


def test_the_same_files_are_the_same_bytes(folder: Path) -> None:
    """No date, owner or right of a file is in a tar, and the order is that of the paths."""
    pack()
    before = {tar.name: sha256(tar.read_bytes()).digest() for tar in OUT.iterdir()}
    for tar in OUT.iterdir():
        tar.unlink()
    for file in folder.rglob("*.jpg"):
        os.utime(file, (1, 1))
        file.chmod(0o600)
    pack()
    assert {tar.name: sha256(tar.read_bytes()).digest() for tar in OUT.iterdir()} == before


def test_a_tar_ends_at_its_size(folder: Path) -> None:
    """A tar has no more bytes than it may, and a file with more has one of its own."""
    write_folder(folder, {"a.bin": bytes(40_000), "b.bin": bytes(900_000), "c.bin": bytes(40_000)})
    tars = pack(most_files=1000, most_bytes=100_000)
    sizes = [(OUT / tar).stat().st_size for tar in tars]
    assert sum(size > 120_000 for size in sizes) == 1
    assert scan_photos("packed", 1) == scan_photos("photos", 1)


def test_photos_that_come_later_are_new_tars(folder: Path) -> None:
    """Tars that are there stay as they are, and numbers go on behind the last."""
    pack()
    before = {tar.name: (tar.read_bytes(), tar.stat().st_mtime_ns) for tar in OUT.iterdir()}
    (OUT / "photos-000002.tar").rename(OUT / "photos-000123.tar")
    before["photos-000123.tar"] = before.pop("photos-000002.tar")
    new = write_folder(Path("new"), {"cat/7.jpg": b"seven", "owl/1.jpg": b"one"})
    assert pack(new) == ["photos-000124.tar"]
    after = {tar.name: (tar.read_bytes(), tar.stat().st_mtime_ns) for tar in OUT.iterdir()}
    assert before.items() <= after.items()
    packed = open_photos("packed")
    assert (packed / "cat/7.jpg").read_bytes() == b"seven"


def test_what_is_there_is_packed_no_more(folder: Path) -> None:
    """Files in any tar are left out, new ones are packed, and one with other bytes is refused."""
    pack()
    assert files_to_pack(PHOTOS, OUT) == ([], sorted(FILES))
    write_folder(folder, {"owl/1.jpg": b"owl"})
    assert files_to_pack(PHOTOS, OUT) == (["owl/1.jpg"], sorted(FILES))
    assert pack() == ["photos-000004.tar"]
    before = {tar: tar.read_bytes() for tar in OUT.iterdir()}
    write_folder(folder, {"dog/1.jpg": b"god1" * 99, "empty.jpg": b"no more"})
    with pytest.raises(UserError, match=r"2 files of photos changed since the tars of ") as error:
        pack()
    assert error.value.lines[1:] == [
        "  dog/1.jpg: in photos-000002.tar",
        "  empty.jpg: in photos-000003.tar",
    ]
    assert {tar: tar.read_bytes() for tar in OUT.iterdir()} == before


def test_files_of_tars_are_told_by_their_tars() -> None:
    """As those that a run has written."""
    pack()
    assert files_in([OUT / "photos-000001.tar"], OUT) == sorted(FILES)[4:8]
    assert files_in([], OUT) == []


@pytest.mark.parametrize("place", ["photos/packed", "photos"])
def test_tars_do_not_go_among_the_photos(place: str) -> None:
    """Photos stay as they are: nothing is written into their folder."""
    with pytest.raises(UserError, match="is in the folder of the photos"):
        files_to_pack(PHOTOS, Path(place))


def test_places_with_other_files_are_refused(folder: Path) -> None:
    """A folder with anything but tars, a file, and what is no folder of photos are left alone."""
    write_folder(Path("other"), {"x.txt": b"x"})
    with pytest.raises(UserError, match="other holds something else than tars"):
        files_to_pack(PHOTOS, Path("other"))
    with pytest.raises(UserError, match="holds something else than tars"):
        files_to_pack(PHOTOS, Path("other/x.txt"))
    with pytest.raises(UserError, match="gone does not exist"):
        files_to_pack(Path("gone"), OUT)
    Path("empty").mkdir()
    with pytest.raises(UserError, match="empty is empty"):
        files_to_pack(Path("empty"), OUT)
    pack()
    with pytest.raises(UserError, match="packed holds tars already"):
        files_to_pack(OUT, Path("again"))


def test_what_cannot_be_packed_is_named_first(folder: Path) -> None:
    """A link that leads out would be missing in the tars: nothing is written until then."""
    (folder / "out.jpg").symlink_to("/etc/hostname")
    (folder / "cats").symlink_to("cat")
    with pytest.raises(UserError, match=r"2 entries of photos cannot be packed(.|\n)*out\.jpg"):
        pack()
    assert not OUT.exists()


def test_a_link_inside_is_packed_as_its_photo(folder: Path) -> None:
    """As ingest reads it from the folder."""
    (folder / "copy.jpg").symlink_to("cat/1.jpg")
    pack()
    assert scan_photos("packed", 1) == scan_photos("photos", 1)


def test_a_file_that_went_leaves_no_tar(folder: Path) -> None:
    """What fails in the middle leaves neither tars nor parts, and names the file."""
    paths = files_to_pack(PHOTOS, OUT).new
    (folder / "dog/5.jpg").unlink()
    with pytest.raises(UserError, match=r"photos/dog/5\.jpg cannot be read"):
        pack_files(PHOTOS, paths, OUT, 4)
    assert not OUT.exists()
    OUT.mkdir()
    with pytest.raises(UserError, match=r"photos/dog/5\.jpg cannot be read"):
        pack_files(PHOTOS, paths, OUT, 4)
    assert list(OUT.iterdir()) == []  # the folder was there before


@pytest.mark.parametrize("limit", [4096, 8192, 10_000, 10_239])
def test_a_disk_that_is_full_at_the_end_is_no_success(tmp_path: Path, limit: int) -> None:
    """The last bytes and the end of a tar are written before it has its name."""
    photos = write_folder(tmp_path / "three", {f"{name}.jpg": bytes(1500) for name in "abc"})
    paths = files_to_pack(photos, OUT).new
    with (
        no_file_larger_than(limit),
        pytest.raises(UserError, match="packed cannot be written: File too"),
    ):
        pack_files(photos, paths, OUT)
    assert not OUT.exists()
    with no_file_larger_than(10_240):  # the size of the tar, whose photos end at 6,144
        assert len(pack_files(photos, paths, OUT)) == 1


def test_a_file_that_grows_meanwhile_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo that is still being written would be cut in the tar, and nothing would say so."""
    add = tarfile.TarFile.addfile

    def grow(tar: tarfile.TarFile, info: tarfile.TarInfo, content: IO[bytes]) -> None:
        add(tar, info, content)
        if info.name == "dog/1.jpg":
            with (folder / "dog/1.jpg").open("ab") as file:
                file.write(b"more")

    monkeypatch.setattr(tarfile.TarFile, "addfile", grow)
    with pytest.raises(UserError, match=r"dog/1\.jpg changed while"):
        pack()
    assert not OUT.exists()


def test_two_that_pack_into_one_folder_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """From whatever folder it is started, the second is refused and harms nothing of the first."""
    paths = files_to_pack(PHOTOS, OUT).new
    add = tarfile.TarFile.addfile
    refusals: list[str] = []

    def meet(tar: tarfile.TarFile, info: tarfile.TarInfo, content: IO[bytes]) -> None:
        with monkeypatch.context() as patch:
            patch.chdir("/")
            with pytest.raises(UserError) as error:
                pack_files(here / PHOTOS, paths, here / OUT)
        refusals.append(str(error.value))
        add(tar, info, content)

    here = Path.cwd()
    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "addfile", meet)
        assert len(pack_files(PHOTOS, paths, OUT)) == 1
    assert set(refusals) == {
        f"--out {here / OUT} is being written by another make pack (process {os.getpid()} on"
        f" {gethostname()}); wait for its end"
    }
    assert scan_photos("packed", 1) == scan_photos("photos", 1)
    with pytest.raises(UserError, match="15 files of these are in the tars of packed already"):
        pack_files(PHOTOS, paths, OUT)
    assert [file.name for file in OUT.iterdir()] == ["photos-000000.tar"]


def test_a_lock_that_was_removed_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was opened before the first run removed its lock is another file than the next one's."""
    lock = required_lock

    @contextmanager
    def late(file: Path, *arguments: Any) -> Iterator[None]:
        with lock(file, *arguments):
            file.unlink()
            yield

    monkeypatch.setattr(pack_module, "required_lock", late)
    with pytest.raises(UserError, match="being written by another make pack"):
        pack()


def test_a_full_disk_is_one_line_and_leaves_nothing(folder: Path) -> None:
    """Tars that are there stay, and what a killed run left goes."""
    pack()
    (OUT / ".photos-000000.tar.part").touch()
    new = write_folder(Path("new"), {"big.jpg": bytes(10**6)})
    paths = files_to_pack(new, OUT).new
    with (
        no_file_larger_than(10**5),
        pytest.raises(UserError, match="packed cannot be written: File too"),
    ):
        pack_files(new, paths, OUT)
    assert len(list(OUT.iterdir())) == 4
    assert pack(new) == ["photos-000004.tar"]
    assert len(list(OUT.iterdir())) == 5
