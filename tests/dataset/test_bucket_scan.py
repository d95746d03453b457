"""A bucket is scanned as a folder is, and what is unchanged in it is not read again."""

import os
from pathlib import Path

import pytest

from stages.base.bucket import Bucket, BucketFile, photo_folder
from stages.base.errors import UserError
from stages.dataset import bucket_scan
from stages.dataset.bucket_scan import list_bucket, list_paths, scan_photos
from stages.dataset.scan import FileFacts, require_images, require_readable, scan_folder
from stages.labels.problem import Problem
from tests.dataset.test_scan import photo


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a folder with photos, a note and hidden files; the record is elsewhere."""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    root = tmp_path / "photos"
    photo(root / "b" / "x.jpg")
    photo(root / "a.jpg", (31, 47), "PNG", seed=1)
    photo(root / "b" / "#1 é[?].jpg", (9, 8), seed=2)
    (root / "b" / "note.txt").write_text("note")
    (root / "b" / "empty.jpg").touch()
    for name in (".trash/a.jpg", ".trash/b.jpg", "b/Thumbs.db", "b/.x/y/z.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return f"file://{root}"


def root_of(url: str) -> Path:
    """Return the folder behind a URL."""
    return Path(url.removeprefix("file://"))


def test_a_bucket_has_the_facts_of_the_same_folder(url: str) -> None:
    """Facts, problems and the number of hidden ones are those of a scan of the folder."""
    scan = scan_photos(url, 2)
    assert scan == scan_folder(root_of(url), 2)
    assert len(scan.facts) == 5
    assert scan.hidden == 3
    assert scan_photos(str(root_of(url)), 2) == scan


def test_paths_are_those_of_the_folder(url: str) -> None:
    """Before a file is read its path is known, without hidden ones."""
    assert list_paths(photo_folder(url)) == list_paths(root_of(url))


def overwrite(file: Path) -> None:
    """Change a file's content and nothing else that tells, neither size nor time."""
    state = file.stat()
    file.write_bytes(bytes(state.st_size))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_an_unchanged_file_is_not_read_again(url: str) -> None:
    """What has its version of before has the facts of before: its content is not looked at."""
    before = scan_photos(url, 1)
    overwrite(root_of(url) / "b" / "x.jpg")
    assert scan_photos(url, 1) == before
    assert scan_folder(root_of(url), 1) != before


def test_a_changed_and_a_new_file_are_read(url: str) -> None:
    """A file that was written anew or added has its own facts; a removed one is gone."""
    scan_photos(url, 1)
    photo(root_of(url) / "b" / "x.jpg", (5, 6), seed=3)
    photo(root_of(url) / "c.jpg", seed=4)
    (root_of(url) / "a.jpg").unlink()
    assert scan_photos(url, 1) == scan_folder(root_of(url), 1)


def test_a_large_file_is_read_in_pieces(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond what is held in memory has the same facts."""
    monkeypatch.setattr(bucket_scan, "MAX_WHOLE_READ", 10)
    assert scan_photos(url, 1) == scan_folder(root_of(url), 1)


def test_more_files_than_are_read_at_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files are read between two commits, each is listed once, in order."""
    monkeypatch.setattr(bucket_scan, "_READ_AT_ONCE", 2)
    assert scan_photos(url, 1) == scan_folder(root_of(url), 1)
    photo(root_of(url) / "aa.jpg", seed=5)
    assert scan_photos(url, 1) == scan_folder(root_of(url), 1)


def test_what_was_read_is_kept_when_a_run_ends_early(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that the network ends has in the record what it read before."""
    monkeypatch.setattr(bucket_scan, "_READ_AT_ONCE", 2)
    whole = scan_folder(root_of(url), 1)
    read = bucket_scan._read

    def read_until_x(file: BucketFile) -> FileFacts | Problem:
        if file.path == "b/x.jpg":
            raise UserError("the network is gone")
        return read(file)

    with monkeypatch.context() as context:
        context.setattr(bucket_scan, "_read", read_until_x)
        with pytest.raises(UserError, match="gone"):
            scan_photos(url, 1)
    overwrite(root_of(url) / "a.jpg")  # so that its facts of before are those of the record
    assert scan_photos(url, 1) == whole


def test_a_file_that_vanishes_meanwhile_ends_the_run(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is listed and then gone cannot be read, which is refused and named."""
    files, hidden = list_bucket(Bucket(url))
    (root_of(url) / "a.jpg").unlink()
    monkeypatch.setattr(bucket_scan, "list_bucket", lambda _: (files, hidden))
    scan = scan_photos(url, 1)
    assert [problem.path for problem in scan.problems] == ["a.jpg"]
    with pytest.raises(UserError, match=r"(?s)1 file.* a.jpg: unreadable"):
        require_readable(scan, url)


def test_an_empty_bucket_is_refused(url: str) -> None:
    """A URL below which there is nothing is an error that shows how one is written."""
    with pytest.raises(UserError, match=r"holds no file; .*s3://"):
        scan_photos(f"{url}/nothing", 1)


def test_a_bucket_without_an_image_says_what_it_holds(url: str) -> None:
    """Where no file is an image each is named with what it is."""
    for name in ("a.jpg", "b/x.jpg", "b/#1 é[?].jpg"):
        (root_of(url) / name).write_bytes(b"%PDF-1.7")
    with pytest.raises(UserError, match=r"(?s)holds no image.*a.jpg: not an image: PDF"):
        require_images(scan_photos(url, 1), url)


def test_of_many_files_that_are_no_images_some_are_looked_into(url: str) -> None:
    """Twenty files are asked for what they are, an empty one is not, and the others are counted."""
    for file in [file for file in root_of(url).rglob("*") if file.is_file()]:
        file.unlink()
    for number in range(30):
        (root_of(url) / f"{number:02}.pdf").write_bytes(b"%PDF-1.7" if number else b"")
    scan = scan_photos(url, 1)
    for number in range(20, 30):
        (root_of(url) / f"{number}.pdf").unlink()
    (root_of(url) / "00.pdf").unlink()
    (root_of(url) / "01.pdf").unlink()
    with pytest.raises(UserError) as error:
        require_images(scan, url)
    _, empty, gone, third, *_, last = error.value.lines
    assert "00.pdf: not an image: 0 bytes" in empty
    assert "01.pdf: unreadable: No such file" in gone
    assert "02.pdf: not an image: PDF" in third
    assert last.strip() == "... and 10 more"


@pytest.mark.parametrize(
    "detail", ["The operation is not valid for the object's storage class", "Access Denied"]
)
def test_the_first_files_do_not_stand_for_all(
    url: str, monkeypatch: pytest.MonkeyPatch, detail: str
) -> None:
    """A folder in an archive is named by file; a refusal of the first says which these were."""
    for file in [file for file in root_of(url).rglob("*") if file.is_file()]:
        file.unlink()
    for number in range(256):
        (root_of(url) / f"2019_{number:03}.jpg").write_bytes(b"x")
    photo(root_of(url) / "2020.jpg")
    read = bucket_scan._read

    def read_of_this_year(file: BucketFile) -> FileFacts | Problem:
        return Problem(file.path, "unreadable", detail) if "2019" in file.path else read(file)

    monkeypatch.setattr(bucket_scan, "_read", read_of_this_year)
    if detail == "Access Denied":
        with pytest.raises(UserError, match=r"its first 256 .*first of them 2019_000\.jpg \(Acc"):
            scan_photos(url, 1)
    else:
        scan = scan_photos(url, 1)
        assert (len(scan.facts), len(scan.problems)) == (1, 256)


def test_names_that_the_locale_has_no_letters_for_are_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key outside ASCII is refused under such a locale, as the name of a file is."""
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    with pytest.raises(UserError, match="PYTHONUTF8=1"):
        list_bucket(Bucket(url))
