"""Files: written whole or not at all, and the same content as the same bytes.

The processes that write shards import this, so pandas stays out, which takes .3 s to load.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np

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


def write_npz(path: Path | str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays so that the same arrays are the same bytes, with any Python and zlib.

    numpy's own writer gives other headers under Python 3.11.2 than under 3.11.7, and deflate gives
    other bytes with another zlib; so members are stored uncompressed, and each is complete in
    memory before it is added, so that its size is known.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    write_bytes(path, buffer.getvalue())


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """Return the arrays that `write_npz` wrote; a UserError names a missing or damaged file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro makes it") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, TypeError):
        raise UserError(f"{path} is damaged or not .npz; dvc repro makes it anew") from None


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, of which a piece at a time is in memory."""
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes, as 64 hex digits."""
    return sha256(content).hexdigest()
