"""Packed: photos in the tars of a folder, read by their places in them, never written.

A hundred tars with ten thousand photos each are a hundred files for DVC, and not a million.
"""

import errno
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

NOWHERE = -1  # the offset of a file that is in no tar


class PackedPlace(NamedTuple):
    """Where the bytes of a file are."""

    tar: str  # path below the folder
    offset: int  # bytes, in the tar
    size: int  # bytes


@dataclass(frozen=True)
class Packed:
    """A folder of tars; as with a Path, `packed / path` is a file of it, by its path in its tar.

    Of a million files the places take 250 bytes of memory each.
    """

    root: Path
    places: Mapping[str, PackedPlace] = field(repr=False)  # by path

    def __truediv__(self, path: str) -> "PackedFile":
        """Return the file at a path in the tars, which need not exist."""
        place = self.places.get(path, PackedPlace("", NOWHERE, 0))
        return PackedFile(self.root / place.tar, place.offset, place.size, path)

    def __str__(self) -> str:
        """Return the path of the folder."""
        return str(self.root)

    def part(self, paths: Iterable[str]) -> "Packed":
        """Return the same folder with the places of some files, for a process that reads these."""
        return Packed(self.root, {path: self.places[path] for path in paths if path in self.places})

    def absolute(self) -> "Packed":
        """Return the same with an absolute path."""
        return Packed(self.root.absolute(), self.places)

    def smallest_tar(self) -> Path | None:
        """Return the tar that is read whole soonest; None where there is none."""
        tars = {self.root / place.tar for place in self.places.values()}
        return min(tars, key=lambda tar: (tar.stat().st_size, tar), default=None)


@dataclass(frozen=True, order=True, slots=True)  # sorted, files are read from start to end of a tar
class PackedFile:
    """A file in a tar."""

    tar: Path
    offset: int  # bytes
    size: int  # bytes
    path: str  # in the tar

    def __str__(self) -> str:
        """Return the tar, and the path in it."""
        return f"{self.tar}: {self.path}"

    def as_posix(self) -> str:
        """Return the tar, and the path in it, with slashes."""
        return f"{self.tar.as_posix()}: {self.path}"

    def exists(self) -> bool:
        """Return whether a tar had such a file when it was looked through."""
        return self.offset != NOWHERE

    def read_bytes(self) -> bytes:
        """Return the whole content; an OSError as of a Path."""
        return self.read_head(self.size)

    def read_head(self, length: int) -> bytes:
        """Return the first bytes."""
        if not self.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        with self.tar.open("rb") as tar:
            return self.read_from(tar, length)

    def read_from(self, tar: IO[bytes], length: int | None = None) -> bytes:
        """Return the whole content or its first bytes from the tar, where it is open already."""
        wanted = self.size if length is None else min(length, self.size)
        tar.seek(self.offset)
        content = tar.read(wanted)
        if len(content) < wanted:
            raise _shorter(self.tar)
        return content

    def window(self, tar: io.FileIO) -> io.BufferedReader:
        """Return the content as a file of its own; the open tar is used by nobody else then."""
        return io.BufferedReader(_Window(tar, self.offset, self.size))


class _Window(io.RawIOBase):
    """A part of a file, as a file that can only be read."""

    def __init__(self, file: io.FileIO, start: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; an OSError where the tar is shorter than when it was looked through."""
        wanted = min(len(buffer), max(0, self._size - self._position))
        if not wanted:
            return 0
        self._file.seek(self._start + self._position)
        count = self._file.readinto(memoryview(buffer)[:wanted])
        if not count:
            raise _shorter(self._file.name)
        self._position += count
        return count


def tar_state(tar: Path) -> tuple[int, int, int, int]:
    """Return size (bytes), time of change and of its inode's change (ns), and inode; or an OSError.

    A program that keeps the dates of files sets the first time, nobody the second.
    """
    state = tar.stat()
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


def _shorter(tar: object) -> OSError:
    return OSError(errno.EIO, "its tar is shorter than when it was looked through", str(tar))
