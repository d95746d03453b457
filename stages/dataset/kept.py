"""Presized photos kept by their content, so that a photo is decoded once and only when it must."""

import json
import shutil
import zlib
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages.base.files import write_bytes
from stages.dataset.decode import Undecodable
from stages.dataset.encode import Encoded


class Kept:
    """A folder of results, one file a photo, named by the SHA-256 of the photo.

    A file is a line of JSON, then the encoded bytes if there are any. A refused photo is
    remembered too. A file that is not whole (a power cut) counts as absent.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist; it must belong to one `code_key` alone."""
        self.folder = folder

    def load(self, sha256: str) -> Encoded | Undecodable | None:
        """Return what was made of this photo before, or None."""
        try:
            line, _, content = self._path(sha256).read_bytes().partition(b"\n")
            facts: dict[str, Any] = json.loads(line)
            if facts.pop("crc") != zlib.crc32(content):
                return None
            if "problem" in facts:
                return Undecodable(**facts)
            traits = tuple(facts.pop("traits"))
            return Encoded(content=content or None, traits=traits, **facts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, sha256: str, result: Encoded | Undecodable) -> None:
        """Keep a result; a reader sees the whole of it or nothing."""
        content = b""
        if isinstance(result, Undecodable):
            facts: dict[str, Any] = {"problem": result.problem, "detail": result.detail}
        else:
            facts = asdict(result)
            content = facts.pop("content") or b""
        line = json.dumps(facts | {"crc": zlib.crc32(content)}).encode()
        write_bytes(self._path(sha256), line + b"\n" + content)

    def prune(self, wanted: Collection[str]) -> None:
        """Remove what belongs to other photos than these, and every folder beside this one."""
        for other in self.folder.parent.iterdir():
            if other.is_dir() and other != self.folder:
                shutil.rmtree(other, ignore_errors=True)
        for file in self.folder.glob("??/*"):
            if file.parent.name + file.name not in wanted:
                file.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:]
