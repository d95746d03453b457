"""Containers: whether a file is as long as its own header says.

Uncompressed pixels have no checksum, and a byte more or less shifts all that follow: a BMP or PPM
that was copied as text, which writes 13 10 for 10, is as wrong as one cut short. Behind compressed
pixels more bytes harm nothing.
"""

import re
from collections.abc import Callable

# Header of a PGM or PPM: magic, width, height and the largest sample, apart by blanks and comments.
_BLANK = rb"(?:\s|#[^\r\n]*[\r\n])+"
_PNM = re.compile(rb"P([56])" + 3 * (_BLANK + rb"(\d{1,9})") + rb"\s")
_PNM_HEADER = 4096  # bytes in which it is looked for
_NEXT_PNM = re.compile(rb"\s*(P[1-7]\s|\Z)")  # a file may hold several, and end in blanks
_BMP_HEADER = 40  # bytes from which on widths have 32 bits
_BMP_PLAIN = (0, 3)  # compressions: none, none with bit masks
# Boxes that stand side by side in AVIF and JPEG 2000; other bytes are no box.
_BOX_NAMES = frozenset(
    b"ftyp meta mdat moov free skip moof sidx mfra styp uuid jp2h jp2c jp2i asoc rreq".split()
) | {b"jP  ", b"xml "}


def check_length(content: bytes) -> bool:
    """Return whether harmless bytes follow the end that a file states.

    Raises EOFError for a file that ends too soon, ValueError for one with bytes among its pixels.
    Files of other kinds, and those that state nothing, pass.
    """
    for begins, at, more in _KINDS:
        if content.startswith(begins, at):
            surplus = len(content) - more(content)
            if surplus < 0:
                raise EOFError(f"{-surplus} of its bytes are missing")
            return surplus > 0
    return False


def _bmp_end(content: bytes) -> int:
    """Return the length, after checking that only zeros follow what the header states."""
    end, offset, header = (_uint32(content, at) for at in (2, 10, 14))
    width, height = _uint32(content, 18), abs(_int32(content, 22))
    bits = _uint32(content, 28) & 0xFFFF
    if header < _BMP_HEADER or _uint32(content, 30) not in _BMP_PLAIN:
        return len(content)
    pixels = offset + (width * bits + 31) // 32 * 4 * height
    _check_zeros(content, max(end, pixels))
    return min(len(content), max(end, pixels))


def _pnm_end(content: bytes) -> int:
    """Return the length, after checking that only blanks or another picture follow the pixels."""
    found = _PNM.match(content, 0, _PNM_HEADER)
    if not found:
        return len(content)
    kind, width, height, white = map(int, found.groups())
    sample = (3 if kind == 6 else 1) * (2 if white > 255 else 1)
    end = found.end() + width * height * sample
    if not _NEXT_PNM.match(content, end):
        _check_zeros(content, end)
    return len(content)


def _check_zeros(content: bytes, end: int) -> None:
    """Raise a ValueError unless only zeros, as a block device pads with, follow the end."""
    rest = content[end:]
    if rest.count(0) != len(rest):
        raise ValueError(f"{len(rest)} bytes more than its header states")


def _riff_end(content: bytes) -> int:
    return 8 + _uint32(content, 4)


def _boxes_end(content: bytes) -> int:
    """Return where the last box ends that begins in the file."""
    start = 0
    while content[start + 4 : start + 8] in _BOX_NAMES:
        length = int.from_bytes(content[start : start + 4], "big")
        if length == 1:  # 64 bits follow
            length = int.from_bytes(content[start + 8 : start + 16], "big")
        if length < 8:  # 0: up to the end of the file
            return len(content)
        start += length
    return start


def _uint32(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "little")


def _int32(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "little", signed=True)


# What a file begins with, where, and the function that returns the end that it states.
_KINDS: tuple[tuple[bytes, int, Callable[[bytes], int]], ...] = (
    (b"BM", 0, _bmp_end),
    (b"P5", 0, _pnm_end),
    (b"P6", 0, _pnm_end),
    (b"WEBP", 8, _riff_end),
    (b"ftyp", 4, _boxes_end),
    (b"jP  ", 4, _boxes_end),
)
