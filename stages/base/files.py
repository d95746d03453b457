"""Files: written whole or not at all, the same content as the same bytes; text CSVs are read."""

import csv
import json
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.base.parts import write_whole
from stages.base.system_errors import unwritable


def write_bytes(path: Path | str, content: bytes, durable: bool = False) -> None:
    """Write a file atomically: a reader sees the old content or the new, never a part.

    durable: after a power cut too, for which the content must reach the disk before the name does.
    """
    try:
        write_whole(Path(path), content, durable)
    except OSError as error:
        raise unwritable(path, error) from None


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text, atomically; its line ends stay line feeds on every system."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, value: Any) -> None:
    """Write readable JSON in the order given; NaN and infinity are refused, as JSON has neither."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path | str, table: pd.DataFrame) -> None:
    """Write a table without its row index; floats keep the digits that bring them back exactly."""
    text = table.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # Python before 3.13 does not quote it, and other readers end a line there
        text = table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    write_text(path, text)


def write_npz(path: Path | str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays so that the same arrays are the same bytes, with any Python and zlib.

    numpy's own writer gives other headers under Python 3.11.2 than under 3.11.7, and deflate gives
    other bytes with another zlib; so members are stored uncompressed. They go to the file piece by
    piece, so that no second copy of an array is in memory.
    """

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                values = np.asarray(array)
                about = zipfile.ZipInfo(f"{name}.npy")
                about.file_size = values.nbytes  # nearly: the header depends on whether it is large
                with archive.open(about, "w") as member:
                    np.lib.format.write_array(member, values, allow_pickle=False)

    try:
        write_whole(Path(path), write)
    except OSError as error:
        raise unwritable(path, error) from None


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """Return the arrays that `write_npz` wrote; a UserError names a missing or damaged file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro makes it") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, TypeError):
        raise UserError(f"{path} is damaged or not .npz; dvc repro makes it anew") from None


def read_text_csv(source: Path | IO[bytes]) -> pd.DataFrame:
    """Return a CSV whose cells stay text, as they stand in the file.

    A label may be NA or 007, and a file name may contain a carriage return: no cell becomes a
    missing value or a number, and a line ends at a line feed alone, as `write_csv` writes it.
    Raises FileNotFoundError, and for what is no CSV a ValueError (pandas' EmptyDataError and
    ParserError, UnicodeDecodeError); ParserError too where rows are longer than the header.
    """
    table = pd.read_csv(source, dtype=str, na_filter=False, lineterminator="\n")
    # pandas makes the first cells an index, so that each other cell is in the column before its own
    if not isinstance(table.index, pd.RangeIndex):
        raise pd.errors.ParserError(
            f"row 1 has more cells than the {len(table.columns)} columns of the header"
        )
    return table


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, of which a piece at a time is in memory."""
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes, as 64 hex digits."""
    return sha256(content).hexdigest()
