"""A packed folder is scanned as the folder is that its tars would unpack to."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from stages.base.errors import UserError
from stages.base.packed import Packed
from stages.dataset import packed_scan
from stages.dataset.bucket_scan import list_paths, scan_photos
from stages.dataset.packed_folder import open_photos, read_packed
from stages.dataset.packed_scan import read_packed_facts, scan_packed
from stages.dataset.scan import FileFacts, Scan, require_images, require_readable, scan_folder
from tests.cluster.thread_engine import ThreadEngine, cluster_of
from tests.dataset.test_scan import photo
from tests.tar_files import write_tar


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder with photos/ and others, and packed/ with the same in three tars."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    for seed in range(40):
        photo(folder / f"class {seed % 3}" / f"{seed:02} é.jpg", seed=seed)
    photo(folder / "a.png", (31, 47), "PNG", seed=41)
    (folder / "note.txt").write_text("note")
    (folder / "class 0" / "cut.jpg").write_bytes(b"\xff\xd8")
    (folder / "empty.jpg").touch()
    photo(folder / "class 1" / ".trash" / "a.jpg")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    for number in range(3):
        with_paths = {
            file.relative_to(folder).as_posix(): file.read_bytes() for file in files[number::3]
        }
        write_tar(tmp_path / "packed" / f"{number}.tar", with_paths, tar_format=tarfile.PAX_FORMAT)
    yield tmp_path
    rmtree(tmp_path / "mark", ignore_errors=True)


def test_a_packed_folder_has_the_facts_of_the_folder(root: Path) -> None:
    """Facts, their order and the number of hidden files are the same, by one thread or many."""
    expected = scan_folder(Path("photos"), 2)
    assert len(expected.facts) == 44
    for workers in (1, 2, 16):
        assert scan_packed(Path("packed"), workers) == expected
    assert scan_photos("packed", 2) == expected
    assert list_paths(open_photos("packed")) == list_paths(Path("photos"))


def test_a_cluster_reads_the_same(root: Path) -> None:
    """Whoever reads, from whatever working directory, the scan is the same."""
    cluster = cluster_of(ThreadEngine(), root, [])
    assert scan_photos("packed", cluster) == scan_folder(Path("photos"), 1)


def test_large_members_are_read_in_pieces(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond what is held in memory has the same facts."""
    monkeypatch.setattr(packed_scan, "MAX_WHOLE_READ", 10)
    assert scan_packed(Path("packed"), 2) == scan_folder(Path("photos"), 1)


def test_members_that_are_no_files_are_problems(root: Path) -> None:
    """They are listed with the scan, and none of the others is missing."""
    write_tar(root / "packed" / "9.tar", {"../x.jpg": b"1"})
    scan = scan_packed(Path("packed"), 1)
    assert [problem.problem for problem in scan.problems] == ["path leaves the folder"]
    assert scan.facts == scan_folder(Path("photos"), 1).facts


def test_a_tar_without_photos_is_refused_as_a_folder_is(root: Path) -> None:
    """Nothing packed is one message, other files are shown as what they are."""
    write_tar(root / "none" / "a.tar", {})
    with pytest.raises(UserError, match="none is empty"):
        require_images(scan_photos("none", 1), "none")
    write_tar(root / "none" / "b.tar", {"x.pdf": b"%PDF-1.7", "0.txt": b""})
    with pytest.raises(UserError, match=r"x\.pdf: not an image: PDF"):
        require_images(scan_photos("none", 1), "none")


def test_what_cannot_be_read_meanwhile_is_named(root: Path) -> None:
    """A tar that went or shrank while it is read makes its files unreadable, which stops ingest."""
    packed = read_packed(Path("packed")).packed
    assert isinstance(packed, Packed)
    files = sorted(packed / path for path in packed.places)
    (root / "packed" / "0.tar").unlink()
    with (root / "packed" / "1.tar").open("r+b") as tar:
        tar.truncate(files[-1].offset // 2)
    results = read_packed_facts(files)
    assert len(results) == len(files)
    problems = [result for result in results if not isinstance(result, FileFacts)]
    details = {problem.detail for problem in problems}
    assert "No such file or directory (0.tar)" in details
    assert "its tar is shorter than when it was looked through (1.tar)" in details
    scan = Scan([], problems, 0)
    with pytest.raises(UserError, match="files or folders in packed cannot be read"):
        require_readable(scan, "packed")
