"""TIFF tags: what the directories of a file say about its pictures, read without any pixel."""

import logging
import warnings
from collections.abc import Iterator
from typing import IO

from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

# Pillow logs odd tags; without a handler Python would print them.
logging.getLogger("PIL").addHandler(logging.NullHandler())
_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BIG_TIFF = b"+"
_MAX_SUB_DIRECTORIES = 16
_SAMPLE_FORMATS = {2: "signed ", 3: "float "}


def is_tiff(head: bytes) -> bool:
    """Return whether a file begins as a TIFF does."""
    return head.startswith(_MAGICS)


def read_directory(file: IO[bytes], offset: int | None = None) -> ImageFileDirectory_v2:
    """Return the tags of the directory at an offset, or of the first; damage raises almost any."""
    file.seek(0)
    head = file.read(16)
    directory = ImageFileDirectory_v2(head if _BIG_TIFF in head[2:4] else head[:8])
    file.seek(directory.next if offset is None else offset)
    directory.load(file)
    return directory


def sub_directories(
    file: IO[bytes], first: ImageFileDirectory_v2
) -> Iterator[ImageFileDirectory_v2]:
    """Yield the directories that the first one lists as parts of its picture."""
    offsets = first.get(Base.SubIFDs, ())
    for offset in (offsets if isinstance(offsets, tuple) else (offsets,))[:_MAX_SUB_DIRECTORIES]:
        yield read_directory(file, int(offset))


def unread_tiff(file: IO[bytes]) -> tuple[str, str]:
    """Return problem and detail of a TIFF that no decoder knows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags = read_directory(file)
        bits = tags[Base.BitsPerSample]
        formats = tags.get(Base.SampleFormat, (1,))
    except Exception:  # its directory is damaged, or behind the end
        return "truncated", "the directory of its pictures cannot be read"
    kind = f"{_SAMPLE_FORMATS.get(formats[0], '')}{' + '.join(map(str, bits))} bits a pixel"
    photometric = tags.get(Base.PhotometricInterpretation)
    numbers = f"photometric {photometric}, compression {tags.get(Base.Compression)}"
    return "unsupported mode", f"TIFF of {kind}, {numbers}"
