"""Tar source: the photos in a tar, compressed or not, read once from start to end."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from stages.base.file_names import utf8_name
from stages.base.tar_header import LABEL, REST
from stages.dataset.photo_files import is_named_photo
from stages.predict.photo_source import MOST_BYTES, PhotoSource, Unread, may_be_gone, too_large

# POSIX has kinds that nobody knows read as files.
_NO_FILES = (*tarfile.SUPPORTED_TYPES, LABEL, REST)


def photos_in_tar(path: Path) -> Iterator[PhotoSource]:
    """Yield the photos in a tar in its order, each with its bytes."""
    try:
        if path.exists() and not path.is_file():
            yield PhotoSource(
                utf8_name(path.as_posix()), Unread("not a file: a pipe, a socket or a device")
            )
            return
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined] # it keeps what it read: 2 kB a photo
                hidden = any(part.startswith(".") for part in Path(member.name).parts)
                if not member.isdir() and is_named_photo(member.name) and not hidden:
                    yield _member(archive, member, utf8_name(f"{path.as_posix()}/{member.name}"))
    except MemoryError:
        raise
    except OSError as error:
        if error.errno is not None:  # of the system, and not of a decompressor
            problem = Unread(f"unreadable: {error.strerror}", again=may_be_gone(error))
            yield PhotoSource(utf8_name(path.as_posix()), problem)
            return
        yield _damaged(path, error)
    except Exception as error:  # tarfile, zlib, bz2 and lzma each have their own for damage
        yield _damaged(path, error)


def _damaged(path: Path, error: Exception) -> PhotoSource:
    reason = " ".join(str(error).split()) or type(error).__name__
    problem = Unread(f"damaged tar: {reason}; what is behind is lost")
    return PhotoSource(utf8_name(path.as_posix()), problem)


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> PhotoSource:
    if not member.isreg() and member.type in _NO_FILES:
        return PhotoSource(name, Unread("not a file: a link or a device in the tar"))
    if member.size > MOST_BYTES:
        return PhotoSource(name, too_large(member.size))
    file = archive.extractfile(member)
    return PhotoSource(name, file.read() if file else b"")
