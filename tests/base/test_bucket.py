"""Photos behind a URL are listed and read as files are, and a bucket's fault is none of theirs."""

import hashlib
import pickle
from collections.abc import Callable
from errno import ENOENT
from pathlib import Path
from typing import IO

import pytest

from stages.base import storage
from stages.base.bucket import (
    Bucket,
    BucketFile,
    bucket_file,
    is_bucket_url,
    local_path,
    opened,
    photo_folder,
    read_head,
    refuse_secret,
    without_secret,
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


@pytest.mark.parametrize("use", [photo_folder, bucket_file, refuse_secret])
@pytest.mark.parametrize(
    "url",
    ["s3://key:secret@birds/2024", "s3://AKIA:7/secret+ef@birds/2024", "sftp://secret@host/a.jpg"],
)
def test_a_password_in_a_url_is_refused_and_not_shown(
    use: Callable[[str], object], url: str
) -> None:
    """A URL with a user name would be kept by git and by results; the error has nothing of it."""
    with pytest.raises(UserError) as error:
        use(url)
    assert "secret" not in without_secret(url)
    assert "secret" not in str(error.value)
    assert "AWS_PROFILE" in str(error.value)


@pytest.mark.parametrize("url", ["s3://birds/me@home.jpg", "s3://a/b:c@d.jpg"])
def test_a_sign_in_a_key_is_no_user(url: str) -> None:
    """An @ behind the bucket's name belongs to the name of a photo."""
    assert str(bucket_file(url)) == without_secret(url) == url


def test_a_scheme_is_written_in_any_case() -> None:
    """A URL is the same place whatever the case of its scheme, and its key keeps its own."""
    assert bucket_file("S3://Birds/A.jpg") == BucketFile("s3://Birds", "A.jpg")
    assert photo_folder("S3://Birds/") == Bucket("s3://Birds")


def test_a_file_that_is_looked_up_is_that_of_the_listing(photos: Bucket) -> None:
    """Size and version are those of the listing; a file that is gone stays without."""
    (listed, *_) = photos.files()
    found = bucket_file(str(listed)).looked_up()
    assert (found.size, found.version) == (listed.size, listed.version)
    gone = photos / "gone.jpg"
    assert gone.looked_up() is gone


def test_what_fails_while_a_copy_is_used_is_not_tried_again(photos: Bucket) -> None:
    """The function reads a whole copy on this machine, so its errors are its own."""
    calls = []

    def use(file: IO[bytes]) -> None:
        calls.append(file.read())
        raise ConnectionError

    with pytest.raises(ConnectionError):
        (photos / "a.jpg").read_in_pieces(use)
    assert calls == [b"a.jpg" * 100]


def test_a_url_of_a_file_is_its_path() -> None:
    """A URL of file:// names a folder of this machine, in whatever case."""
    assert local_path("FILE:///a b.jpg") == "/a b.jpg"
    assert local_path("s3://birds") == "s3://birds"
