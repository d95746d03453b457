"""The presized store: plain tar files of images, one index, read by mapping into memory.

    format.json      says what the folder is, with the checksum of index.csv; written last, so a
                     store without it is unfinished
    index.csv        one row per photo, sorted by path; offset and length give its bytes in a shard,
                     crc32 their checksum
    shard-0000.tar   images named by the SHA-256 of the original (.jpg, or .ppm when raw)

The tar files are ordinary ones: `tar xf` takes the images out. Bytes are checked whenever they are
read, since of a JPEG whose bytes rotted on the disk a decoder makes another picture without a word.
A checksum takes 19 us of a photo of 72 kB, and decoding it 3 ms.
"""

import io
import json
import mmap
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from stages.base.csv_file import read_text_csv
from stages.base.errors import UserError
from stages.store.checksum import checksum

FORMAT_FILE = "format.json"
INDEX_FILE = "index.csv"
INDEX_COLUMNS = ["path", "sha256", "shard", "offset", "length", "width", "height", "phash", "crc32"]
HASH_COLUMNS = ["path", "sha256", "phash"]
PHOTO_COLUMNS = [*HASH_COLUMNS, "width", "height", "length"]  # of the photo, not of its place
# What leads to the pixels. A store has these in memory, and no hashes, which as text are more than
# half of the index: 230 of 450 bytes a photo.
_PLACE_COLUMNS = [column for column in INDEX_COLUMNS if column not in HASH_COLUMNS[1:]]
_FORMAT = "finetrack presized images"
_VERSION = 2
_NUMBERS = {"offset": "int64", "length": "int64", "width": "int64", "height": "int64"}
_REMEDY = "make it again: dvc repro presize"
# -f, since DVC takes a file for unchanged while its time and size are; -s, for this stage alone.
_REMEDY_OF_DAMAGE = "make it again: dvc repro -f -s presize"
# Each map has a file descriptor, of which a process often gets 1,024.
OPEN_SHARDS = 256


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"shard-{number:04d}.tar"


def format_of_store(images: str, size: int, index: bytes) -> dict[str, str | int]:
    """Return the content of format.json.

    images: jpeg or raw; size: their shorter side in pixels; index: the bytes of index.csv.
    """
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "images": images,
        "size": size,
        "index_crc32": checksum(index),
    }


class _ImagePlace(NamedTuple):
    """The columns of index.csv that lead to the pixels."""

    shard: str
    offset: int
    length: int
    width: int
    height: int
    crc32: str


class Store:
    """Presized images by the path of their original; several threads may read at once."""

    def __init__(self, folder: Path) -> None:
        """Open a store; UserError if it is absent, unfinished, damaged or of another version."""
        self.folder = Path(folder)
        self.raw = _read_format(self.folder)["images"] == "raw"
        self.index = read_index(self.folder, _PLACE_COLUMNS)
        self._check_shards()
        self._row_of = {path: row for row, path in enumerate(self.index["path"])}
        # By column, since a million places as tuples take 300 MB.
        self._places = [self.index[column].to_numpy() for column in _ImagePlace._fields]
        self._map = lru_cache(OPEN_SHARDS)(self._open)

    def hashes(self) -> pd.DataFrame:
        """Return path, sha256 and phash of each image, sorted by path, read anew."""
        return read_index(self.folder, HASH_COLUMNS)

    def close(self) -> None:
        """Unmap the shards, which Windows lets nobody remove before; images still in use stay."""
        self._map.cache_clear()

    def encoded(self, path: str) -> memoryview:
        """Return the bytes of one image, a JPEG or a PPM, without copying them.

        Raises UserError when they are not what presize stored.
        """
        place = self._place(path)
        content = memoryview(self._map(place.shard))[place.offset : place.offset + place.length]
        if checksum(content) != place.crc32:
            raise self._damaged(f"{place.shard} (at {path})")
        return content

    def image(self, path: str) -> NDArray[np.uint8]:
        """Return one image as a read-only array (H, W, 3) of RGB."""
        place = self._place(path)
        content = self.encoded(path)
        shape = (place.height, place.width, 3)
        try:
            if self.raw:
                start = place.length - place.height * place.width * 3
                return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
            pixels = np.asarray(Image.open(io.BytesIO(content), formats=("JPEG",)))
        except (OSError, ValueError, SyntaxError):
            raise self._damaged(f"{place.shard} (at {path})") from None
        pixels.flags.writeable = False
        return pixels

    def _place(self, path: str) -> _ImagePlace:
        try:
            row = self._row_of[path]
        except KeyError:
            raise UserError(
                f"{path} is not in {self.folder}: it is new or was rejected "
                "(reports/presize/rejected.csv); run: dvc repro presize"
            ) from None
        return _ImagePlace._make(column.item(row) for column in self._places)

    def _open(self, shard: str) -> mmap.mmap:
        with (self.folder / shard).open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _check_shards(self) -> None:
        ends = (self.index["offset"] + self.index["length"]).groupby(self.index["shard"]).max()
        for shard, end in ends.items():
            file = self.folder / str(shard)
            if not file.is_file() or file.stat().st_size < end:
                raise self._damaged(str(shard))

    def _damaged(self, name: str) -> UserError:
        return _damaged(self.folder / name)


def read_index(folder: Path, columns: list[str] = INDEX_COLUMNS) -> pd.DataFrame:
    """Return these columns of a store's index, which is all that needs no pixels.

    The rows are sorted by path.
    """
    expected = _read_format(folder).get("index_crc32")
    file = folder / INDEX_FILE
    try:
        content = file.read_bytes()
    except OSError:
        raise _damaged(file) from None
    if checksum(content) != expected:
        raise _damaged(file)
    numbers = {column: dtype for column, dtype in _NUMBERS.items() if column in columns}
    return read_text_csv(io.BytesIO(content), columns).astype(numbers)


def _damaged(file: Path) -> UserError:
    return UserError(f"{file} is missing or damaged; {_REMEDY_OF_DAMAGE}")


def _read_format(folder: Path) -> dict[str, Any]:
    file = folder / FORMAT_FILE
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} holds no finished store of photos; {_REMEDY}") from None
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise UserError(f"{file} does not describe a presized store; {_REMEDY}")
    if content.get("version") != _VERSION:
        raise UserError(
            f"{folder} is a store of version {content.get('version')}, "
            f"and this code reads version {_VERSION}; {_REMEDY}"
        )
    return content
