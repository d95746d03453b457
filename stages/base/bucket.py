"""Bucket: photos in object storage, listed and read by URL as a folder's are, never written."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any, TypeAlias, TypeVar

from stages.base.errors import UserError
from stages.base.packed import Packed, PackedFile
from stages.base.provider import credentials_hint, fsspec_url, scheme_of
from stages.base.storage import file_system, insist, is_gone, listing_system
from stages.base.storage_errors import is_of_bucket
from stages.base.system_errors import unwritable

_URL = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# A user name, and a password in which slashes may be, as in keys of AWS. One may begin with digits,
# as a port does, which no storage has that is read.
_USER = re.compile(r"(?<=://)([^/]*@|[^/:@]*:[^@]*@)")
_PIECE = 2**20  # bytes of a large file that are in memory at once
_FILE = "file://"
# Under which name a file system tells one content of a key from another, the surest first.
_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "content_md5", "checksum", "mtime", "created")
Made = TypeVar("Made")


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
            found = insist(self.url, lambda: dict(self._list()))
        except PermissionError as error:
            raise UserError(f"{self.url} may not be listed ({error.strerror}); allow it") from None
        except OSError as error:
            raise UserError(f"{self.url} cannot be listed: {error.strerror}") from None
        return [found[path] for path in sorted(found)]

    def _list(self) -> "Iterator[tuple[str, BucketFile]]":
        system = listing_system(self.url)
        root = system._strip_protocol(fsspec_url(self.url)).rstrip("/")  # noqa: SLF001 - as fsspec's own find does
        try:
            listed = system.find(root, detail=True, withdirs=False)
        except FileNotFoundError as error:
            if is_of_bucket(error):
                raise
            listed = {}  # a prefix without a key
        if not listed and is_gone(self.url):
            raise FileNotFoundError("the bucket does not exist")
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

    def looked_up(self) -> "BucketFile":
        """Return the file with its size and version; as it is where only reading it tells.

        A HEAD that fails has no words of S3 in its answer, and a GET has.
        """
        try:
            facts = insist(str(self), lambda: file_system(self.url).info(fsspec_url(str(self))))
        except OSError:
            return self
        return BucketFile(self.url, self.path, facts["size"] or 0, _version(facts))

    def read_bytes(self) -> bytes:
        """Return the whole content; an OSError of the one file, as of a Path.

        All else that goes wrong says nothing of the photo: it is tried again, and is a UserError.
        """
        content: bytes = insist(
            str(self), lambda: file_system(self.url).cat_file(fsspec_url(str(self)))
        )
        return content

    def read_head(self, length: int) -> bytes:
        """Return the first bytes."""
        system = file_system(self.url)
        place = fsspec_url(str(self))
        head: bytes = insist(str(self), lambda: system.cat_file(place, start=0, end=length))
        return head

    def read_in_pieces(self, use: Callable[[IO[bytes]], Made]) -> Made:
        """Return what a function makes of a temporary copy, of which a piece is in memory at once.

        So the function reads no network, whose faults it could take for the photo's.
        """
        with TemporaryFile() as copy:
            insist(str(self), lambda: self._copy_to(copy))
            copy.seek(0)
            return use(copy)

    def _copy_to(self, copy: IO[bytes]) -> None:
        copy.seek(0)
        copy.truncate()
        with file_system(self.url).open(fsspec_url(str(self)), "rb", block_size=_PIECE) as file:
            while piece := file.read(_PIECE):
                try:
                    copy.write(piece)
                except OSError as error:
                    raise unwritable(f"a copy of {self} in {gettempdir()}", error) from None


PhotoFolder: TypeAlias = Path | Packed | Bucket
PhotoFile: TypeAlias = Path | PackedFile | BucketFile


def is_bucket_url(text: str) -> bool:
    """Return whether a text is the URL of a bucket, and no path or address on the web.

    >>> is_bucket_url("s3://photos/birds"), is_bucket_url("data/photos"), is_bucket_url("http://a")
    (True, False, False)
    """
    return _URL.match(text) is not None


def local_path(text: str) -> str:
    """Return the path behind a URL of file://, and any other text as it is.

    >>> local_path("file:///photos"), local_path("s3://birds")
    ('/photos', 's3://birds')
    """
    return text[len(_FILE) :] if text.lower().startswith(_FILE) else text


def has_secret(url: str) -> bool:
    """Return whether a URL has a user name or a password in it.

    >>> has_secret("s3://key:a/b@birds/1.jpg"), has_secret("s3://birds/me@home.jpg")
    (True, False)
    """
    return _USER.search(url) is not None


def without_secret(url: str) -> str:
    """Return a URL without the user name and password in it.

    >>> without_secret("s3://key:a/b@birds/1.jpg")
    's3://birds/1.jpg'
    """
    return _USER.sub("", url, count=1)


def refuse_secret(url: str) -> None:
    """Refuse a URL that has a user name or a password in it, which the error does not show."""
    if has_secret(url):
        raise UserError(
            f"a URL of {scheme_of(url)}:// has a user name in it, which git and results would keep;"
            f" leave it out, {credentials_hint(url)}"
        )


def photo_folder(text: str) -> Path | Bucket:
    """Return the folder of photos that params.yaml or a command names: a path, or a bucket's URL.

    Whether photos are in tars there only the folder itself tells: see dataset/packed_folder.py.
    UserError for a URL that has a password in it.
    """
    if not is_bucket_url(text):
        return Path(text)
    refuse_secret(text)
    return Bucket(_lower_scheme(text).rstrip("/"))


def bucket_file(url: str) -> BucketFile:
    """Return the file behind a URL, which need not exist; UserError as of photo_folder."""
    refuse_secret(url)
    folder, _, name = _lower_scheme(url).rpartition("/")
    return BucketFile(folder, name)


def _lower_scheme(url: str) -> str:
    """Return a URL with its scheme in lower case, as fsspec knows it."""
    scheme = scheme_of(url)
    return scheme + url[len(scheme) :]


def opened(file: PhotoFile) -> Path | BytesIO:
    """Return a file as libraries open it: its path, or its content where it has none."""
    return file if isinstance(file, Path) else BytesIO(file.read_bytes())


def read_head(file: PhotoFile, length: int) -> bytes:
    """Return the first bytes of a file."""
    if not isinstance(file, Path):
        return file.read_head(length)
    with file.open("rb") as head:
        return head.read(length)


def _version(facts: dict[str, Any]) -> str:
    """Return what changes with a file's content: an ETag or the like, and its size."""
    found = next((str(facts[name]) for name in _VERSIONS if facts.get(name)), "")
    return f"{found.strip(chr(34))} {facts['size']}" if found else ""
