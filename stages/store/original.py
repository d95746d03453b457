"""Originals: what a shard needs of each photo, in its order, from a folder, tars or a bucket."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from stat import S_ISREG

from stages.base.ahead import map_ahead
from stages.base.bucket import Bucket, BucketFile, PhotoFile, PhotoFolder
from stages.base.files import sha256_bytes
from stages.base.packed import NOWHERE, PackedFile
from stages.base.storage import REQUESTS_AT_ONCE
from stages.images.decode import Undecodable
from stages.images.encode import Encoded
from stages.store.encode_cache import EncodeCache


class Fault(StrEnum):
    """Why a photo could not be presized, of which nothing says that the photo is to blame."""

    UNREADABLE = "unreadable"
    CHANGED = "changed since ingest"
    ENDED = "ended by the system"
    ENCODER = "the encoder failed"


@dataclass(frozen=True, kw_only=True)
class Original:
    """One original: its bytes where they are needed, its size, and the cached result."""

    content: bytes
    size: int  # bytes
    cached: Encoded | Undecodable | None
    far: bool = False  # in a bucket, so that its bytes are kept once they are here


class Faulty(Exception):
    """A photo has a fault; the arguments are the fault and its detail."""


@contextmanager
def open_originals(
    photos: PhotoFolder, items: Sequence[tuple[str, str]], cache: EncodeCache
) -> Iterator[Iterator[Original | Faulty]]:
    """Give what is needed of each photo (sha256, path), in their order; of a bucket read ahead.

    A request takes as long as to decode a photo, and far from the bucket many times as long.
    """

    def read(item: tuple[str, str]) -> Original | Faulty:
        sha256, path = item
        try:
            return _read_original(photos / path, sha256, cache)
        except Faulty as fault:
            return fault

    if not isinstance(photos, Bucket):
        yield map(read, items)
        return
    with closing(map_ahead(read, items, REQUESTS_AT_ONCE)) as originals:
        yield originals


def _read_original(file: PhotoFile, sha256: str, cache: EncodeCache) -> Original:
    """Return what is needed of a photo: its own bytes only where the cache does not have others.

    To read and hash a photo of 12 megapixels takes a tenth of what it takes to presize it. Of a
    bucket nothing is asked of a photo whose size the cache has too, nor of one that was refused,
    whose size counts nowhere.
    """
    cached = cache.load(sha256)
    far = isinstance(file, BucketFile)
    whole = isinstance(cached, Encoded) and cached.content is not None
    try:
        if isinstance(file, Path):
            state = file.stat()
            if not S_ISREG(state.st_mode):  # a pipe, which would be waited for, or a device
                raise Faulty(Fault.CHANGED, "it is no file any more")
            if whole:
                return Original(content=b"", size=state.st_size, cached=cached)
        elif isinstance(file, PackedFile):
            if whole and file.offset != NOWHERE:
                return Original(content=b"", size=file.size, cached=cached)
        elif isinstance(cached, Undecodable):
            return Original(content=b"", size=0, cached=cached, far=True)
        elif isinstance(cached, Encoded) and whole and cached.original_bytes:
            return Original(content=b"", size=cached.original_bytes, cached=cached, far=True)
        content = file.read_bytes()
    except OSError as error:
        raise Faulty(Fault.UNREADABLE, error.strerror or type(error).__name__) from None
    if sha256_bytes(content) != sha256:
        raise Faulty(Fault.CHANGED, "its content is another")
    return Original(content=content, size=len(content), cached=cached, far=far)
