"""PNG chunks: what stands beside the pixels may be broken or huge, without harm to the picture.

Pillow refuses a whole picture for a text of more than 1 MB, or for a wrong checksum in a chunk
that no pixel needs. Such chunks are left out before it reads the file; it judges all others.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stages.images.colour import MAX_PROFILE
from stages.images.colour_profile import CodePoints

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks (PNG, third edition) without which the pixels are the same. Any other with a wrong checksum
# may be a damaged chunk of pixels.
_BESIDE = frozenset(
    b"cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST tIME tEXt zTXt iTXt pHYs sPLT eXIf "
    b"oFFs pCAL sCAL sTER dSIG".split()
)
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}  # the least that Pillow demands
_MAX_TEXT = 1 << 20  # bytes, inflated, of one text or profile that Pillow accepts
_MAX_TEXTS = 32 << 20  # of all together; Pillow accepts 64


class _Chunk(NamedTuple):
    name: bytes
    body: memoryview
    start: int  # in the file
    stop: int
    whole: bool  # its checksum is right


@dataclass(frozen=True, kw_only=True)
class PngFile:
    """A PNG file as Pillow is to read it, and what it says about its colours."""

    content: bytes
    odd: bool  # chunks were left out
    profile: bytes | None  # of ICC, empty when it cannot be read
    code_points: CodePoints | None


def is_png(content: bytes) -> bool:
    """Return whether a file begins as a PNG does."""
    return content.startswith(_SIGNATURE)


def read_png(content: bytes) -> PngFile:
    """Walk the chunks of a PNG up to its end, or to where their structure breaks off."""
    view = memoryview(content)
    parts = []
    part_start = 0
    profile = None
    code_points = None
    texts = 0
    for chunk in _chunks(view):
        if chunk.name not in _BESIDE:
            continue
        accepted = chunk.whole and len(chunk.body) >= _LENGTHS.get(chunk.name, 0)
        if chunk.name == b"iCCP" and chunk.whole:
            # PNG allows one. 40, each inflated up to the limit, took 2.5 s.
            accepted = profile is None
            if profile is None:
                profile = _inflated_value(bytes(chunk.body), MAX_PROFILE)
                accepted = 0 < len(profile) <= _MAX_TEXT
        elif chunk.name == b"cICP" and chunk.whole and len(chunk.body) == 4:
            code_points = CodePoints(chunk.body[0], chunk.body[1])
        elif chunk.name.endswith(b"Xt") and accepted:
            size = _text_size(chunk) if texts <= _MAX_TEXTS else _MAX_TEXT
            texts += size
            accepted = size <= _MAX_TEXT and texts <= _MAX_TEXTS
        if not accepted:
            parts.append(view[part_start : chunk.start])
            part_start = chunk.stop
    return PngFile(
        content=b"".join([*parts, view[part_start:]]) if parts else content,
        odd=bool(parts),
        profile=profile,
        code_points=code_points,
    )


def _chunks(view: memoryview) -> Iterator[_Chunk]:
    start = len(_SIGNATURE)
    name = b""
    while start + 12 <= len(view) and name != b"IEND":
        stop = start + 12 + int.from_bytes(view[start : start + 4], "big")
        name = bytes(view[start + 4 : start + 8])
        whole = False
        if name in _BESIDE and stop <= len(view):
            checksum = int.from_bytes(view[stop - 4 : stop], "big")
            whole = zlib.crc32(view[start + 4 : stop - 4]) == checksum
        if stop <= len(view):
            yield _Chunk(name, view[start + 8 : stop - 4], start, stop, whole)
        start = stop


def _text_size(chunk: _Chunk) -> int:
    """Return how many bytes a text has when inflated, or more than are accepted."""
    if chunk.name == b"tEXt":
        return len(chunk.body)
    body = bytes(chunk.body)
    if chunk.name == b"zTXt":
        return len(_inflated_value(body, _MAX_TEXT)) or _MAX_TEXT + 1
    _, _, rest = body.partition(b"\0")  # iTXt: keyword, compressed or not, method, two names, text
    if rest[:1] in (b"", b"\0"):
        return len(body)
    return len(_inflated(rest[2:].split(b"\0", 2)[-1], _MAX_TEXT)) or _MAX_TEXT + 1


def _inflated_value(body: bytes, limit: int) -> bytes:
    """Return what a chunk of name, zero, method 0 and compressed data has; empty when broken."""
    _, _, rest = body.partition(b"\0")
    return _inflated(rest[1:], limit) if rest[:1] == b"\0" else b""


def _inflated(data: bytes, limit: int) -> bytes:
    """Return inflated data, a little more than the limit at most; empty when broken."""
    try:
        return zlib.decompressobj().decompress(data, limit + 1)
    except zlib.error:
        return b""
