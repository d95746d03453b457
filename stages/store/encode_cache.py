"""Encode cache: presized photos by the hash of the original, so that each is decoded once."""

import json
import shutil
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from stages.base.files import write_bytes
from stages.base.system_errors import unwritable
from stages.images.decode import Undecodable
from stages.images.encode import Encoded


class EncodeCache:
    """A folder of results, found by the SHA-256 of the photo.

    Encoded bytes are a file for each photo: a line of a checksum and JSON, then the bytes. A photo
    that passed through or was refused has the line alone, which goes to the end of a log: to
    create a file takes .2 to 1.1 ms on ext4, and to prove such a photo whole 1 ms. What is not
    whole or not as it was saved (a power cut, a rotten disk) counts as absent.
    """

    def __init__(
        self, folder: Path, log: str = "log", log_lines: Mapping[str, str] | None = None
    ) -> None:
        """Use a folder, which need not exist; it must belong to one `encoder_key` alone.

        log: the file name of this writer's log, of which it must be the only writer.
        log_lines: what `read_logs` returned.
        """
        self.folder = folder
        self.log = folder / "logs" / log
        self.log_lines = log_lines or {}

    def load(self, sha256: str) -> Encoded | Undecodable | None:
        """Return the result of this photo that is in the cache, or None."""
        if sha256 in self.log_lines:
            return _parse_result(sha256, self.log_lines[sha256], b"")
        try:
            line, _, content = self._path(sha256).read_bytes().partition(b"\n")
        except OSError:
            return None
        return _parse_result(sha256, line.decode("utf-8", "replace"), content)

    def has(self, sha256: str) -> bool:
        """Return whether there is a result, which may turn out damaged when it is loaded."""
        return sha256 in self.log_lines or self._path(sha256).is_file()

    def save(self, sha256: str, result: Encoded | Undecodable) -> None:
        """Save a result; a reader sees the whole of it or nothing."""
        facts = dict(vars(result)) if isinstance(result, Encoded) else _refusal_facts(result)
        content = facts.pop("content", None) or b""
        text = json.dumps(facts)
        line = f"{_checksum(sha256, text, content)} {text}"
        if content:
            write_bytes(self._path(sha256), line.encode() + b"\n" + content)
        else:
            self._append_to_log(f"{sha256} {line}\n")

    def prune(self, wanted: Collection[str], logs: Collection[str]) -> None:
        """Remove what belongs to other photos, other logs, and every folder beside this one."""
        for other in self.folder.parent.iterdir():
            if other.is_dir() and other != self.folder:
                shutil.rmtree(other, ignore_errors=True)
        for file in self.folder.glob("??/*"):
            if file.parent.name + file.name not in wanted:
                file.unlink(missing_ok=True)
        for file in self.folder.glob("logs/*"):
            if file.name not in logs:
                file.unlink(missing_ok=True)

    def _append_to_log(self, line: str) -> None:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8", newline="\n") as log:
                log.write(line)
        except OSError as error:
            raise unwritable(self.log, error) from None

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:]


def read_logs(folder: Path) -> dict[str, str]:
    """Return all lines of the logs in a folder, by SHA-256; what is no whole line is left out."""
    lines = {}
    for file in sorted(folder.glob("logs/*")):
        for line in file.read_text("utf-8", "replace").splitlines():
            sha256, _, rest = line.partition(" ")
            if _parse_result(sha256, rest, b""):
                lines[sha256] = rest
    return lines


def _refusal_facts(refusal: Undecodable) -> dict[str, Any]:
    return {"problem": refusal.problem, "detail": refusal.detail}


def _checksum(sha256: str, text: str, content: bytes) -> str:
    """Return the CRC-32 of a result as 8 hex digits: whose it is, its facts and its bytes."""
    return f"{zlib.crc32(content, zlib.crc32(f'{sha256} {text}'.encode())):08x}"


def _parse_result(sha256: str, line: str, content: bytes) -> Encoded | Undecodable | None:
    """Return the result that a line and the bytes after it describe, if they are as saved."""
    checksum, _, text = line.partition(" ")
    if checksum != _checksum(sha256, text, content):
        return None
    facts = json.loads(text)
    if "problem" in facts:
        return Undecodable(**facts)
    traits = tuple(facts.pop("traits"))
    return Encoded(content=content or None, traits=traits, **facts)
