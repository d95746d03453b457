"""Files: written whole or not at all, and the same content as the same bytes.

The processes that write shards import this, so pandas stays out, which takes .3 s to load.
"""

import json
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from stages.base.parts import Content, write_whole
from stages.base.system_errors import unwritable


def write_bytes(path: Path | str, content: Content, durable: bool = False) -> None:
    """Write a file atomically: a reader sees the old content or the new, never a part.

    content: bytes, or what writes them to a file that it is given, and may be asked twice.
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


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, of which a piece at a time is in memory."""
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes, as 64 hex digits."""
    return sha256(content).hexdigest()
