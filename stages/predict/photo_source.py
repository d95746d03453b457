"""Photo source: what a photo to predict is called, and where its bytes are.

Light, since the child processes that read photos import it.
"""

import errno
import os
import stat
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from stages.base.bucket import BucketFile
from stages.base.packed import PackedFile
from stages.base.storage import MissingBucket

# Of a photo at the limit of 200 million pixels nothing but raw numbers is larger; so large a file
# is a film or a disk image, and reading it would only take the memory.
MOST_BYTES = 2**30
_PIECE = 2**20  # bytes
_SECONDS_SILENT = 30  # of a server, before its photo is given up
_SECONDS_IN_ALL = 300
# Statuses of HTTP by which a server asks to come again, and from which on the fault is its own.
_BUSY = (408, 425, 429)
_SERVER_FAILS = 500
# Errors of the system that say what a path leads to; all others, such as EIO, ESTALE and EMFILE,
# say how the machine is.
_OF_THE_PATH = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO,
    errno.EACCES, errno.EPERM, errno.EINVAL,
)  # fmt: skip
# Without waiting for the writer of a pipe. Windows has no such pipes, and would change line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# What may stand in an address as it is; the rest, such as a space, is written as %20.
_ADDRESS_SIGNS = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True)
class Address:
    """An address on the web, http or https."""

    url: str


@dataclass(frozen=True)
class Unread:
    """What stands in the place of a photo that cannot be read: the problem, named as presize does.

    It is a value and no exception, since of a hundred thousand photos some are broken.
    """

    problem: str
    again: bool = False  # a fault of the machine or of a server, which may be gone the next time


@dataclass(frozen=True)
class PhotoSource:
    """A photo to predict."""

    name: str  # in its row, as text that can be written
    place: Path | PackedFile | Address | BucketFile | bytes | Unread  # bytes: read from a tar


def read_source_bytes(source: PhotoSource) -> bytes | Unread:
    """Return the bytes of a photo, or why they cannot be read.

    UserError where a bucket does not answer, after several tries: no other photo would fare better.
    One that does not exist is the problem of its own photos, since a list may name several.
    """
    try:
        return _read_place(source.place)
    except MissingBucket:
        return Unread("unreadable: the bucket does not exist")
    except (OSError, ValueError, HTTPException) as error:  # the last two of an address that is none
        return Unread(f"unreadable: {_reason(error)}", again=may_be_gone(error))


def may_be_gone(error: Exception) -> bool:
    """Return whether an error says nothing of the photo, but of the machine or of a server now."""
    if isinstance(error, HTTPError):
        return error.code in _BUSY or error.code >= _SERVER_FAILS
    if isinstance(error, OSError):
        return error.errno not in _OF_THE_PATH
    return isinstance(error, HTTPException) and not isinstance(error, InvalidURL)


def too_large(length: int) -> Unread:
    """Return the problem of a file with more bytes than a photo has."""
    return Unread(f"too large: {length:,} bytes; a photo has at most {MOST_BYTES:,}")


def _read_place(place: Path | PackedFile | Address | BucketFile | bytes | Unread) -> bytes | Unread:
    if isinstance(place, Path):
        return _read_file(place)
    if isinstance(place, PackedFile):
        return too_large(place.size) if place.size > MOST_BYTES else place.read_bytes()
    if isinstance(place, BucketFile):
        return _read_bucket_file(place)
    return _read_address(place.url) if isinstance(place, Address) else place


def _reason(error: Exception) -> object:
    """Return what an error says, without its number and the name of the file."""
    if isinstance(error, HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, URLError):
        return error.reason
    return getattr(error, "strerror", None) or error


def _read_file(path: Path) -> bytes | Unread:
    with os.fdopen(os.open(path, _READ), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return Unread("not a file: a pipe, a socket or a device")
        if status.st_size > MOST_BYTES:
            return too_large(status.st_size)
        return file.read()


def _read_bucket_file(file: BucketFile) -> bytes | Unread:
    """Return the bytes of a file whose size is known, or asked for first."""
    known = file if file.version else file.looked_up()
    return too_large(known.size) if known.size > MOST_BYTES else known.read_bytes()


def _read_address(url: str) -> bytes | Unread:
    request = Request(quote(url, safe=_ADDRESS_SIGNS), headers={"User-Agent": "finetrack"})  # noqa: S310 - find_sources takes http and https alone
    with urlopen(request, timeout=_SECONDS_SILENT) as response:  # noqa: S310 - see above
        return _read_response(response)


def _read_response(response: HTTPResponse) -> bytes | Unread:
    """Return the whole of a response, unless it is too large or too slow."""
    started = time.monotonic()
    pieces = []
    length = 0
    while piece := response.read1(_PIECE):  # what has come, without waiting for a whole piece
        pieces.append(piece)
        length += len(piece)
        if length > MOST_BYTES:
            return too_large(length)
        if time.monotonic() - started > _SECONDS_IN_ALL:
            return Unread(f"unreadable: not whole after {_SECONDS_IN_ALL} seconds", again=True)
    if response.length:
        return Unread(f"unreadable: the connection ended {response.length:,} bytes early", True)
    return b"".join(pieces)
