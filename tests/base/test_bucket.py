"""Photos behind a URL are listed and read as files are, and a bucket's fault is none of theirs."""

import hashlib
import pickle
from errno import ENOENT
from pathlib import Path

import pytest

from stages.base import storage
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
def photos(tmp_path: Path) -> Bucket:
    """Return a bucket with three files."""
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
    monkeypatch.setattr(storage, "_WAITS", (3600,))
    with pytest.raises(FileNotFoundError) as error:
        (photos / "gone.jpg").read_bytes()
    assert (error.value.errno, error.value.filename) == (ENOENT, f"{photos.url}/gone.jpg")


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    """A URL with a user name would be kept by git; the error has nothing of it."""
    with pytest.raises(UserError) as error:
        photo_folder("s3://key:secret@birds/2024")
    assert "secret" not in str(error.value)
    assert "AWS_PROFILE" in str(error.value)
