"""Bucket: photos in object storage, listed and read by their URL through fsspec, never written.

fsspec is loaded only where a URL is read, so that photos on the disk need nothing of it.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar

from stages.base.errors import UserError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Requests on their way at once in one process; each holds one photo in memory.
REQUESTS_AT_ONCE = 16
_URL = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_USER = re.compile(r"[a-z0-9+.-]+://[^/]*@", re.IGNORECASE)
# Seconds before the second try and each after it: a server that starts anew is waited for, and one
# that is gone ends the run within half a minute.
_WAITS = (1, 2, 4, 8)
# A file system tries by itself too, each try after the time without an answer that it is given.
# botocore holds 10 connections by itself.
_S3 = {
    "max_pool_connections": 2 * REQUESTS_AT_ONCE,
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"total_max_attempts": 1},
}
# With more than one connection for a file s3fs asks for its length first, a request more a photo.
_S3_OPTIONS = {"config_kwargs": _S3, "max_concurrency": 1}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _S3_OPTIONS, "s3a": _S3_OPTIONS}
# The package of DVC by which both DVC and fsspec reach a scheme.
_PACKAGES = {
    "s3": "dvc-s3",
    "s3a": "dvc-s3",
    "gs": "dvc-gs",
    "gcs": "dvc-gs",
    "az": "dvc-azure",
    "azure": "dvc-azure",
    "abfs": "dvc-azure",
    "ssh": "dvc-ssh",
    "sftp": "dvc-ssh",
    "hdfs": "dvc-hdfs",
    "webhdfs": "dvc-webhdfs",
    "oss": "dvc-oss",
}
# Under which name a file system tells one content of a key from another, the surest first.
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "content_md5", "checksum", "mtime", "created")
# What providers call a key that is wrong, out of date or missing; s3fs makes of most of them, and
# of what one photo alone refuses, a PermissionError.
_CREDENTIALS = re.compile(
    r"Credential|InvalidAccessKeyId|SignatureDoesNotMatch|(Expired|Invalid)Token|TokenRefresh"
    r"|access key Id|signature we calculated|token .*(expired|invalid)|ProfileNotFound",
    re.IGNORECASE,
)
_HINT = "for S3 AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give them"

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Bucket:
    """A folder of photos behind a URL; as with a Path, `bucket / path` is a file of it."""

    url: str  # without a slash at its end

    def __truediv__(self, path: str) -> "BucketFile":
        """Return the file at a path below the URL, which need not exist."""
        return BucketFile(self.url, path)

    def __str__(self) -> str:
        """Return the URL."""
        return self.url

    def files(self) -> "list[BucketFile]":
        """Return all files below the URL, sorted by path; none where nothing has such a key.

        A request lists a thousand; a listing of S3 takes .9 kB of memory a file, and what is
        returned .3 kB. A UserError says why the bucket cannot be listed.
        """
        try:
            found = _insist(self.url, lambda: dict(self._list()))
        except PermissionError as error:
            raise UserError(f"{self.url} may not be listed ({error}); allow it") from None
        return [found[path] for path in sorted(found)]

    def _list(self) -> "Iterator[tuple[str, BucketFile]]":
        system = _file_system(self.url)
        root = system._strip_protocol(self.url).rstrip("/")  # noqa: SLF001 - as fsspec's own find does
        try:
            listed = system.find(root, detail=True, withdirs=False)
        except FileNotFoundError:  # a bucket, or a prefix, without a key
            return
        for key, facts in listed.items():
            path = key.removeprefix(root).removeprefix("/")
            # A console makes a "folder" by an empty object whose key ends in a slash.
            if path and not path.endswith("/") and facts["type"] == "file":
                yield path, BucketFile(self.url, path, facts["size"] or 0, _version(facts))


@dataclass(frozen=True, slots=True)  # for a million of them are in memory at once
class BucketFile:
    """A file of a bucket; two are equal when they have the same place."""

    url: str  # of the bucket
    path: str  # below it
    size: int = field(default=0, compare=False)  # bytes, 0 where it was not listed
    version: str = field(default="", compare=False)  # ETag or the like, "" where not listed

    def __str__(self) -> str:
        """Return the URL of the file."""
        return f"{self.url}/{self.path}" if self.path else self.url

    def as_posix(self) -> str:
        """Return the URL of the file, as a Path returns its place with slashes."""
        return str(self)

    def read_bytes(self) -> bytes:
        """Return the whole content; FileNotFoundError or PermissionError, as of a Path.

        All else that goes wrong says nothing of the photo: it is tried again, and is a UserError.
        """
        return _insist(str(self), lambda: _file_system(self.url).cat_file(str(self)))

    def read_head(self, length: int) -> bytes:
        """Return the first bytes."""
        system = _file_system(self.url)
        return _insist(str(self), lambda: system.cat_file(str(self), start=0, end=length))

    def read_in_pieces(self, use: Callable[[IO[bytes]], Answer]) -> Answer:
        """Return what a function makes of the open file, of which a piece is in memory at a time.

        The function is called anew where a request fails.
        """

        def whole() -> Answer:
            with _file_system(self.url).open(str(self), "rb") as file:
                return use(file)

        return _insist(str(self), whole)


PhotoFolder: TypeAlias = Path | Bucket
PhotoFile: TypeAlias = Path | BucketFile


def is_bucket_url(text: str) -> bool:
    """Return whether a text is the URL of a bucket, and no path or address on the web.

    >>> is_bucket_url("s3://photos/birds"), is_bucket_url("data/photos"), is_bucket_url("http://a")
    (True, False, False)
    """
    return _URL.match(text) is not None


def photo_folder(text: str) -> PhotoFolder:
    """Return the folder of photos that params.yaml or a command names: a path, or a bucket's URL.

    UserError for a URL that has a password in it, which would get into git.
    """
    if not is_bucket_url(text):
        return Path(text)
    if _USER.match(text):
        raise UserError(
            f"a URL of {text.split('://', maxsplit=1)[0]}:// has a user name in it, which git would"
            f" keep; leave it out, {_HINT}"
        )
    return Bucket(text.rstrip("/"))


def bucket_file(url: str) -> BucketFile:
    """Return the file behind a URL, which need not exist."""
    folder, _, name = url.rpartition("/")
    return BucketFile(folder, name)


def opened(file: PhotoFile) -> Path | BytesIO:
    """Return a file as libraries open it: its path, or its content where it is in a bucket."""
    return file if isinstance(file, Path) else BytesIO(file.read_bytes())


def read_head(file: PhotoFile, length: int) -> bytes:
    """Return the first bytes of a file."""
    if isinstance(file, BucketFile):
        return file.read_head(length)
    with file.open("rb") as head:
        return head.read(length)


@cache  # fsspec's own cache has an instance for each thread, with connections of its own
def _of_scheme(scheme: str) -> "AbstractFileSystem":
    import fsspec  # noqa: PLC0415 - 30 ms, for those alone whose photos are in a bucket

    try:
        # Folders are listed anew each time: a listing that is kept for later takes memory.
        options = {"use_listings_cache": False} | _OPTIONS.get(scheme, {})
        system = fsspec.filesystem(scheme, skip_instance_cache=True, **options)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        remedy = f"pip install {package}" if package else f"{error}"
        raise UserError(f"{scheme}:// needs a package that is not installed; {remedy}") from None
    except ValueError:
        raise UserError(
            f"{scheme}:// is no storage that is known; known are {', '.join(sorted(_PACKAGES))}"
        ) from None
    if hasattr(system, "retries"):
        system.retries = 1  # the tries are counted here, in one place for all file systems
    return system


def _file_system(url: str) -> "AbstractFileSystem":
    return _of_scheme(url.split("://", maxsplit=1)[0].lower())


def _version(facts: dict[str, Any]) -> str:
    """Return what changes with a file's content: an ETag or the like, and its size."""
    found = next((str(facts[name]) for name in _VERSIONS if facts.get(name)), "")
    return f"{found.strip(chr(34))} {facts['size']}" if found else ""


def _insist(what: str, call: Callable[[], Answer]) -> Answer:
    """Return what a call returns; one that fails for a cause that may pass is repeated.

    FileNotFoundError and PermissionError are of the file and are raised as they are.
    """
    for wait in (*_WAITS, None):
        try:
            return call()
        except (UserError, FileNotFoundError, IsADirectoryError, MemoryError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            if _CREDENTIALS.search(reason):
                raise UserError(f"{what}: the credentials do not do ({reason}); {_HINT}") from None
            if isinstance(error, PermissionError):
                raise
            if wait is None:
                raise UserError(
                    f"{what} cannot be read now ({reason}), tried {len(_WAITS) + 1} times, which is"
                    " no fault of the photo; look after the network and run it again: what is done"
                    " is kept"
                ) from None
        time.sleep(wait)
    raise AssertionError  # the last try has returned or raised
