"""A folder in which every file is a tar is one of photos, by the paths of its members."""

import tarfile
from pathlib import Path

import pytest

from stages.base.bucket import Bucket
from stages.base.errors import UserError
from stages.base.packed import Packed, PackedPlace
from stages.dataset.packed_folder import (
    has_tars_alone,
    is_packed,
    open_photos,
    read_packed,
    read_tar,
)
from tests.tar_files import member, write_tar


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, and return the name of a packed one in it."""
    monkeypatch.chdir(tmp_path)
    write_tar(Path("photos/b.tar"), {"cats/1.jpg": b"one", "dogs/1.jpg": b"two"})
    write_tar(Path("photos/2024/a.TAR"), {"cats/2.jpg": b"three"}, member("l", type=b"2"))
    (tmp_path / "photos" / ".gitignore").touch()
    return Path("photos")


def test_members_of_all_tars_are_files_by_their_paths(root: Path) -> None:
    """The names of tars and of their folders are in no path."""
    content = read_packed(root)
    assert content.packed.places == {
        "cats/2.jpg": PackedPlace("2024/a.TAR", 512, 5),
        "cats/1.jpg": PackedPlace("b.tar", 512, 3),
        "dogs/1.jpg": PackedPlace("b.tar", 1536, 3),
    }
    assert [(row.problem.path, row.tar) for row in content.member_problems] == [("l", "2024/a.TAR")]
    assert content.hidden == 1
    assert (content.packed / "dogs/1.jpg").read_bytes() == b"two"


def test_photos_are_opened_by_what_their_folder_is(root: Path) -> None:
    """A packed folder, another one, a bucket and a name without a folder are told apart."""
    assert isinstance(open_photos("photos"), Packed)
    Path("plain").mkdir()
    assert open_photos("plain") == Path("plain")
    assert open_photos("absent") == Path("absent")
    assert open_photos("s3://birds/2024") == Bucket("s3://birds/2024")


@pytest.mark.parametrize("name", ["photos/notes.txt", "photos/2024/a.jpg", "photos/2024/tar"])
def test_another_file_makes_a_folder_like_others(root: Path, name: str) -> None:
    """Where anything but a tar lies, tars are files beside photos."""
    assert is_packed(root)
    Path(name).touch()
    assert not is_packed(root)


def test_an_empty_folder_is_not_packed(root: Path) -> None:
    """Nor is one of hidden files alone, or what is no folder."""
    (root / "empty" / ".x").mkdir(parents=True)
    (root / "empty" / ".x" / "a.tar").touch()
    assert not is_packed(root / "empty")
    assert not is_packed(root / "b.tar")


def test_compressed_tars_are_refused(root: Path) -> None:
    """Where all are tars, the first compressed one is named, with what to do."""
    (root / "c.tar.gz").touch()
    (root / "b.tgz").touch()
    with pytest.raises(UserError, match=r"photos holds 2 compressed tars, such as 'b\.tgz', .*unp"):
        is_packed(root)
    (root / "photo.jpg").touch()
    assert not is_packed(root)


def test_what_make_shards_wrote_is_said(root: Path) -> None:
    """The folder is refused with what to do, by what its record says; other records are files."""
    record = root / "dataset.json"
    record.write_text('{"class_names": ["cat"], "shards": {"train-000000.tar": 2}}')
    with pytest.raises(UserError, match=r"photos holds what make shards .*move dataset\.json"):
        open_photos("photos")
    for content in ("", "[]", "3", '{"shards": {}}'):
        record.write_text(content)
        assert not is_packed(root)
    record.rename(root.parent / "dataset.json")
    assert is_packed(root)


@pytest.mark.parametrize(
    ("paths", "alone"),
    [
        ([], False),
        (["a.tar", "b/c.TAR"], True),
        (["a.tar.gz", "b.tgz"], True),
        (["a.tar", "a.jpg"], False),
        (["tar"], False),
    ],
)
def test_tars_alone_are_seen_by_their_names(paths: list[str], alone: bool) -> None:
    """As of the keys of a bucket, of which nothing is read for it."""
    assert has_tars_alone(paths) == alone


def test_a_path_in_two_tars_is_refused(root: Path) -> None:
    """All are counted, the first are named with both tars; twice in one tar is no other case."""
    for number in range(30):
        write_tar(root / f"{number}.tar", {"same.jpg": b"1"})
    with tarfile.open(root / "b.tar", "a") as tar:
        tar.addfile(member("./dogs//1.jpg"))
    with pytest.raises(UserError) as error:
        read_packed(root)
    head, *lines = error.value.lines
    assert head.startswith("photos: 30 paths more than once in its tars")
    assert lines[0] == "  'same.jpg': in 0.tar and 1.tar"
    assert lines[-1] == "  ... and 10 more"
    for number in range(30):
        (root / f"{number}.tar").unlink()
    with pytest.raises(UserError, match=r"'dogs/1\.jpg': in b\.tar and b\.tar"):
        read_packed(root)


def test_what_cannot_be_read_as_a_tar_stops_it(root: Path) -> None:
    """A link that leads nowhere would mean fewer photos, and a damaged tar too."""
    (root / "c.tar").symlink_to("gone.tar")
    with pytest.raises(UserError, match=r"c\.tar: broken link"):
        read_packed(root)
    (root / "c.tar").unlink()
    (root / "b.tar").write_bytes(b"no tar")
    with pytest.raises(UserError, match=r"photos/b\.tar is damaged at byte 0: a header is cut off"):
        read_packed(root)


@pytest.mark.parametrize("folder", ["photos", "photos/2024", "photos/2025/new"])
def test_a_folder_that_lacks_tars_is_not_read(root: Path, folder: str) -> None:
    """It is named, wherever below it make pack was killed, before any tar there or after."""
    plan = Path(folder, ".photos-names.part")
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text("{}")
    with pytest.raises(UserError, match=rf"^{folder} lacks tars, since .* OUT={folder}$"):
        open_photos("photos")
    plan.unlink()
    hidden = Path("photos/.trash/.photos-names.part")
    hidden.parent.mkdir()
    hidden.touch()
    assert len(read_packed(root).packed.places) == 3


def test_tars_are_remembered_as_long_as_they_are_there(root: Path) -> None:
    """A record is kept for each tar of a folder, and goes with the tar."""
    records = Path(".finetrack/packed")
    read_packed(root)
    assert len(list(records.rglob("*.json"))) == 2
    before = read_packed(root)
    (root / "2024" / "a.TAR").unlink()
    after = read_packed(root)
    assert len(list(records.rglob("*.json"))) == 1
    assert set(before.packed.places) - set(after.packed.places) == {"cats/2.jpg"}


def test_one_tar_is_read_whatever_lies_beside_it(root: Path) -> None:
    """It has its own record, which the folder's reading does not remove, nor its own the others."""
    read_packed(root)
    Path("photos/notes.txt").touch()
    Path("photos/9.jpg").touch()
    content = read_tar(root / "b.tar")
    assert content.packed.root == root
    assert set(content.packed.places) == {"cats/1.jpg", "dogs/1.jpg"}
    assert (content.packed / "dogs/1.jpg").read_bytes() == b"two"
    assert len(list(Path(".finetrack/packed").rglob("*.json"))) == 3
    write_tar(root / "twice.tar", {"1.jpg": b"1", "./1.jpg": b"2"})
    with pytest.raises(UserError, match="photos: 1 path more than once"):
        read_tar(root / "twice.tar")


def test_few_folders_are_remembered(root: Path) -> None:
    """Those that were read last are; an old one is looked through anew, with the same answer."""
    records = Path(".finetrack/packed")
    expected = read_packed(root)
    (first,) = records.iterdir()
    for number in range(30):
        write_tar(Path(f"{number}/a.tar"), {"1.jpg": b"1"})
        read_packed(Path(f"{number}"))
        if number == 15:
            read_packed(root)
    assert len(list(records.iterdir())) == 20
    assert len(list(first.iterdir())) == 2
    for number in range(20):
        read_packed(Path(f"{number}"))
    assert not first.exists()
    assert read_packed(root) == expected
