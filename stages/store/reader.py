"""The presized store: plain tar files of images, one index, read by mapping into memory.

    format.json      says what the folder is; written last, so a store without it is unfinished
    index.csv        one row a photo, sorted by path; offset and length give its bytes in a shard
    shard-0000.tar   images named by the SHA-256 of the original (.jpg, or .ppm when raw)

The tar files are ordinary ones: `tar xf` takes the images out.
"""

import io
import json
import mmap
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from stages.base.errors import UserError

FORMAT, VERSION = "finetrack presized images", 1
FORMAT_NAME, INDEX_NAME = "format.json", "index.csv"
TEXT_COLUMNS = {"path": "str", "sha256": "str", "shard": "str", "phash": "str"}
INDEX_COLUMNS = ["path", "sha256", "shard", "offset", "length", "width", "height", "phash"]
REMEDY = "make it again: dvc repro presize"
# Each map holds a file descriptor, of which a process often has 1,024.
OPEN_SHARDS = 256


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"shard-{number:04d}.tar"


class _Place(NamedTuple):
    shard: str
    offset: int
    length: int
    width: int
    height: int


class Store:
    """Presized images by the path of their original; several threads may read at once."""

    def __init__(self, folder: Path) -> None:
        """Open a store; UserError if it is absent, unfinished, damaged or of another version."""
        self.folder = Path(folder)
        self.raw = _read_format(self.folder)["images"] == "raw"
        self.index = read_index(self.folder)  # COLUMNS, sorted by path
        self._check_shards()
        table = self.index[list(_Place._fields)].itertuples(index=False, name=None)
        self._places = dict(zip(self.index["path"], map(_Place._make, table), strict=True))
        self._map = lru_cache(OPEN_SHARDS)(self._open)

    def encoded(self, path: str) -> memoryview:
        """Return the bytes of one image, a JPEG or a PPM, without copying them."""
        place = self._place(path)
        return memoryview(self._map(place.shard))[place.offset : place.offset + place.length]

    def image(self, path: str) -> np.ndarray:
        """Return one image as a read-only array."""  # (H, W, 3) uint8
        place, content = self._place(path), self.encoded(path)
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

    def _place(self, path: str) -> _Place:
        try:
            return self._places[path]
        except KeyError:
            raise UserError(
                f"{path} is not in {self.folder}: it is new or was rejected "
                "(reports/presize/rejected.csv); run: dvc repro presize"
            ) from None

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
        return UserError(f"{self.folder}/{name} is missing or damaged; {REMEDY}")


def read_index(folder: Path) -> pd.DataFrame:
    """Return the index of a store, which is all that needs no pixels: COLUMNS, sorted by path."""
    _read_format(folder)
    try:
        # A photo may be called NA, and a carriage return may stand in a name.
        index = pd.read_csv(
            folder / INDEX_NAME, dtype=TEXT_COLUMNS, na_filter=False, lineterminator="\n"
        )
    except (OSError, ValueError):
        index = pd.DataFrame()
    if list(index.columns) != INDEX_COLUMNS:
        raise UserError(f"{folder / INDEX_NAME} is missing or damaged; {REMEDY}")
    return index


def _read_format(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / FORMAT_NAME).read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} holds no finished store of photos; {REMEDY}") from None
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UserError(f"{folder / FORMAT_NAME} does not describe a presized store; {REMEDY}")
    if found.get("version") != VERSION:
        raise UserError(
            f"{folder} is a store of version {found.get('version')}, "
            f"and this code reads version {VERSION}; {REMEDY}"
        )
    return found
