"""Photos behind a URL are listed and read as files are, and a bucket's fault is none of theirs."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base import bucket
from stages.base.bucket import (
    Bucket,
    BucketFile,
    bucket_file,
    is_bucket_url,
    opened,
    photo_folder,
    read_head,
)
from stages.base.errors import UserError


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Return a bucket with three files, in which nothing is waited for."""
    monkeypatch.setattr(bucket, "_WAITS", (0, 0))
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() * 100)
    return Bucket(f"file://{tmp_path}/photos")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://birds", True),
        ("gs://birds/2024", True),
        ("file:///photos", True),
        ("S3://birds", True),
        ("data/photos", False),
        ("/photos", False),
        ("c:\\photos", False),
        ("http://example.org/a.jpg", False),
        ("https://example.org", False),
        ("a b://c", False),
    ],
)
def test_a_url_is_told_from_a_path(text: str, expected: bool) -> None:
    """A scheme makes a URL; addresses of the web are none of a bucket."""
    assert is_bucket_url(text) is expected
    assert isinstance(photo_folder(text), Bucket) is expected


def test_all_files_are_listed_by_path(photos: Bucket) -> None:
    """Files of all folders, sorted, with their sizes; a slash at the URL's end changes nothing."""
    for url in (photos.url, f"{photos.url}/"):
        folder = photo_folder(url)
        assert isinstance(folder, Bucket)
        files = folder.files()
        assert [(file.path, file.size) for file in files] == [
            ("a.jpg", 500),
            ("b/1.jpg", 700),
            ("b/2.jpg", 700),
        ]
        assert all(file.version for file in files)


def test_a_version_changes_with_the_content(photos: Bucket, tmp_path: Path) -> None:
    """What is written anew has another version, and the others keep theirs."""
    before = {file.path: file.version for file in photos.files()}
    (tmp_path / "photos" / "a.jpg").write_bytes(b"other")
    after = {file.path: file.version for file in photos.files()}
    assert {path for path in before if before[path] != after[path]} == {"a.jpg"}


def test_a_prefix_without_files_is_empty(photos: Bucket) -> None:
    """Where no key begins so there are no files, and that is no error here."""
    assert Bucket(f"{photos.url}/nothing").files() == []


def test_files_are_read_whole_or_from_their_start(photos: Bucket, tmp_path: Path) -> None:
    """Bytes, head, pieces and a file object are those of the file, as of a path."""
    path = tmp_path / "photos" / "b" / "1.jpg"
    file = photos / "b/1.jpg"
    content = path.read_bytes()
    assert file.read_bytes() == content
    assert read_head(file, 9) == read_head(path, 9) == content[:9]
    digest = file.read_in_pieces(lambda stream: hashlib.file_digest(stream, "sha256").hexdigest())  # type: ignore[arg-type]
    assert digest == hashlib.sha256(content).hexdigest()
    in_memory = opened(file)
    assert not isinstance(in_memory, Path)
    assert in_memory.read() == content
    assert opened(path) == path
    assert bucket_file(str(file)).read_bytes() == content


def test_a_bucket_goes_to_other_processes(photos: Bucket) -> None:
    """A bucket and its files are plain values, which read after they were pickled."""
    copy, file = pickle.loads(pickle.dumps((photos, photos / "a.jpg")))
    assert copy == photos
    assert file == BucketFile(photos.url, "a.jpg")
    assert file.read_bytes() == (photos / "a.jpg").read_bytes()


def test_a_file_that_is_gone_is_not_tried_again(
    photos: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An absent file is FileNotFoundError at once, as of a path."""
    monkeypatch.setattr(bucket, "_WAITS", (3600,))
    with pytest.raises(FileNotFoundError):
        (photos / "gone.jpg").read_bytes()


@pytest.mark.parametrize("failures", [1, 2])
def test_a_fault_that_passes_is_tried_again(photos: Bucket, failures: int) -> None:
    """What fails for the network's sake and then works is as if it had worked at once."""
    errors = [OSError(16, "Please reduce your request rate."), TimeoutError()][:failures]

    def read(file: object) -> bytes:
        if errors:
            raise errors.pop()
        return b"whole"

    assert (photos / "a.jpg").read_in_pieces(read) == b"whole"


def test_a_fault_that_stays_is_one_line_about_the_network(photos: Bucket) -> None:
    """The line names the file, the reason and the tries, and says that no photo is to blame."""

    def read(file: object) -> bytes:
        raise ConnectionError("refused")

    with pytest.raises(UserError) as error:
        (photos / "a.jpg").read_in_pieces(read)
    (line,) = error.value.lines
    assert line.startswith(f"{photos.url}/a.jpg cannot be read now (ConnectionError: refused)")
    assert "tried 3 times" in line
    assert "no fault of the photo" in line


@pytest.mark.parametrize(
    "error",
    [
        PermissionError("The AWS Access Key Id you provided does not exist in our records."),
        PermissionError("The provided token has expired."),
        PermissionError("The request signature we calculated does not match the signature"),
        type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"),
    ],
)
def test_wrong_credentials_are_said_at_once(
    photos: Bucket, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A key that is missing, unknown or out of date ends the run with what gives one."""
    monkeypatch.setattr(bucket, "_WAITS", (3600,))

    def read(file: object) -> bytes:
        raise error

    with pytest.raises(UserError, match=r"credentials do not do .*AWS_PROFILE"):
        (photos / "a.jpg").read_in_pieces(read)


def test_a_refusal_is_of_the_one_file(photos: Bucket) -> None:
    """A file that may not be read is a PermissionError, as of a path, and others may be read."""

    def read(file: object) -> bytes:
        raise PermissionError("Access Denied")

    with pytest.raises(PermissionError, match="Access Denied"):
        (photos / "a.jpg").read_in_pieces(read)


def test_a_missing_package_is_named_with_its_line() -> None:
    """Without the file system of a scheme the error has the line that installs it."""
    with pytest.raises(UserError, match=r"oss:// needs a package .*pip install dvc-oss"):
        Bucket("oss://birds").files()


def test_an_unknown_scheme_is_refused() -> None:
    """A scheme that nobody knows is an error that names some that are known."""
    with pytest.raises(UserError, match=r"birds:// is no storage that is known; .*s3"):
        Bucket("birds://a").files()


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    """A URL with a user name would be kept by git; the error has nothing of it."""
    with pytest.raises(UserError) as error:
        photo_folder("s3://key:secret@birds/2024")
    assert "secret" not in str(error.value)
    assert "AWS_PROFILE" in str(error.value)


def test_photos_on_the_disk_load_nothing_of_it(tmp_path: Path) -> None:
    """Where the photos are in a folder fsspec is not loaded."""
    code = (
        "import sys; from stages.dataset.bucket_scan import scan_photos;"
        f"assert scan_photos({str(tmp_path)!r}, 1).facts == [];"
        "sys.exit('fsspec' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
