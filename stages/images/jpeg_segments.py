"""JPEG segments: the structure of a file, read from its markers alone, before any decoder sees it.

The walk finds the markers that libjpeg finds: bytes between segments are passed over, fill bytes
too, and what lies inside a segment, such as a thumbnail with a frame of its own, is not entered.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# Markers (ITU-T T.81, table B.1), the byte after 0xFF.
_START = 0xD8
_END = 0xD9
_SCAN = 0xDA
_HIERARCHICAL = 0xDE
_APP0 = 0xE0
_ADOBE = 0xEE
_COMMENT = 0xFE
_JPEG_LS = 0xF7
_APPLICATION = range(0xE0, 0xF0)
# A frame has the size: 0xC0 to 0xCF without the tables DHT, DAC and the reserved JPG.
_FRAMES = frozenset({*range(0xC0, 0xD0), _JPEG_LS} - {0xC4, 0xC8, 0xCC})
_BASELINE = frozenset({0xC0, 0xC1})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_ARITHMETIC = frozenset({0xC9, 0xCA})
_LOSSLESS = frozenset({0xC3, 0xCB})
# Those after which libjpeg reads a length: frames, tables, scans, and what applications add.
_WITH_LENGTH = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xF0), _JPEG_LS, _COMMENT})
# From the start of a file, any marker; after the start of a scan, any but restarts (0xD0 to 0xD7).
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_MARKER_AFTER_DATA = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

# Segments of a file. The pet photo with most has 44, a profile of 4 MB makes 64; a file of 60 MB
# made of nothing but empty segments would take 15 s to walk.
_MAX_SEGMENTS = 10_000
# Bytes of the two segments of applications that decoders read, as libjpeg knows them.
_JFIF_BYTES = 14  # less the thumbnail
_ADOBE_BYTES = 12


class UnsupportedJpeg(Exception):
    """A JPEG of a kind that is not read; the message says which and what to do."""


class Segment(NamedTuple):
    """A marker and the bytes that belong to it."""

    marker: int  # the byte after 0xFF
    start: int  # of 0xFF
    end: int


class Band(NamedTuple):
    """A band (component) of a frame."""

    identifier: int
    sampling: int  # horizontal factor times 16 plus the vertical one


@dataclass(frozen=True, kw_only=True)
class JpegHeader:
    """What stands before the first scan."""

    frame: int  # marker of the frame: how the pixels are coded
    width: int  # pixels
    height: int
    bands: tuple[Band, ...]
    adobe: bool  # has Adobe's marker, which names the colour space
    scan: Segment  # the header of the first scan
    bands_of_scan: int

    @property
    def arithmetic(self) -> bool:
        """Whether the pixels are coded arithmetically, which hardly any program reads."""
        return self.frame in _ARITHMETIC

    @property
    def progressive(self) -> bool:
        """Whether each scan refines the picture."""
        return self.frame in _PROGRESSIVE

    @property
    def one_scan(self) -> bool:
        """Whether libjpeg reads one scan only, and refuses more."""
        return not self.progressive and self.bands_of_scan == len(self.bands)


def is_jpeg(content: bytes) -> bool:
    """Return whether a file begins as a JPEG does."""
    return content.startswith(b"\xff\xd8\xff")


def segments(content: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG, from the one after its start to its end or the file's.

    Raises UnsupportedJpeg when they are too many.
    """
    place = 2
    pattern = _MARKER
    for _ in range(_MAX_SEGMENTS):
        found = pattern.search(content, place)
        if found is None:
            return
        start = found.start()
        marker = content[start + 1]
        place = start + 2
        if marker in _WITH_LENGTH:
            place += max(2, int.from_bytes(content[place : place + 2], "big"))
        yield Segment(marker, start, place)
        if marker == _END:
            return
        if marker == _SCAN:
            pattern = _MARKER_AFTER_DATA
    raise UnsupportedJpeg(f"it has more than {_MAX_SEGMENTS:,} segments; save it anew")


def read_jpeg_header(content: bytes) -> JpegHeader | None:
    """Return the header of a JPEG, None when it is not whole; raise UnsupportedJpeg by its kind."""
    frame = None
    adobe = False
    for segment in segments(content):
        marker, start, end = segment
        if marker in _FRAMES:
            if frame is not None:
                return None  # libjpeg refuses a second frame
            frame = _checked_frame(content, segment)
        elif marker == _HIERARCHICAL:
            raise UnsupportedJpeg("hierarchical coding; save it as an ordinary JPEG")
        elif marker == _ADOBE and content[start + 4 : start + 9] == b"Adobe":
            adobe = adobe or end - start >= 4 + _ADOBE_BYTES
        elif marker == _SCAN:
            return _header(content, frame, adobe, segment) if frame else None
        elif marker in (_START, _END):
            return None
    return None


def _checked_frame(content: bytes, frame: Segment) -> Segment:
    """Return a frame that is read: of 8 bits, Huffman or arithmetic coding of cosine waves.

    Lossless frames cannot be scaled, and libjpeg-turbo 3 writes past its buffer when asked to.
    """
    bits = content[frame.start + 4 : frame.start + 5]
    if frame.marker == _JPEG_LS:
        kind = "JPEG-LS"
    elif frame.marker in _LOSSLESS:
        kind = "lossless coding"
    elif frame.marker not in _BASELINE | _PROGRESSIVE | _ARITHMETIC:
        kind = "hierarchical coding"
    elif bits == b"\x0c":
        kind = "12 bits a sample"
    else:
        return frame
    raise UnsupportedJpeg(f"{kind}; save it as an ordinary JPEG or as PNG")


def _header(content: bytes, frame: Segment, adobe: bool, scan: Segment) -> JpegHeader | None:
    body = content[frame.start + 4 : frame.end]
    triples = body[6:]
    if len(body) < 6 or len(triples) != 3 * body[5] or scan.end > len(content):
        return None
    return JpegHeader(
        frame=frame.marker,
        width=int.from_bytes(body[3:5], "big"),
        height=int.from_bytes(body[1:3], "big"),
        bands=tuple(Band(triples[i], triples[i + 1]) for i in range(0, len(triples), 3)),
        adobe=adobe,
        scan=scan,
        bands_of_scan=content[scan.start + 4],
    )


def scans(content: bytes) -> Iterator[Segment]:
    """Yield the headers of all scans."""
    return (segment for segment in segments(content) if segment.marker == _SCAN)


def with_adobe_marker(content: bytes, header: JpegHeader) -> bytes:
    """Return a JPEG of four bands with the Adobe marker that it lacks.

    Photoshop, ImageMagick and libjpeg's own programs write it, and store the inks inverted; what
    lacks it has mostly lost it to a program that removes metadata. So browsers, ImageMagick and
    Pillow invert every CMYK JPEG (libvips those with the marker only). Where the second and third
    band have fewer pixels than the first they are the colours of YCCK: nobody thins out two inks.
    """
    first, second, third, _ = (band.sampling for band in header.bands)
    transform = 2 if second == third != first else 0
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
    return content[:2] + marker + content[2:]


def without_metadata(content: bytes) -> bytes:
    """Return a JPEG with the same pixels and nothing else: no EXIF, so no place, no comment.

    Left out are all that applications add but the two segments that tell a decoder the colour
    space (JFIF, less its thumbnail, and Adobe), and what follows the end: films, further pictures.
    A missing end is added. No pixel is coded anew.
    """
    parts = [content[:2]]
    bands_in_one_scan = b""  # number of bands that the only scan has; empty where there are more
    data_from = None  # where pixels go on
    last = False
    for segment in segments(content):
        marker, start, end = segment
        if data_from is not None:
            parts.append(content[data_from:start])
        if marker == _END or last:
            break
        parts.append(_without_additions(content, segment))
        if marker in _FRAMES and marker not in _PROGRESSIVE:
            bands_in_one_scan = content[start + 9 : start + 10]
        if marker == _SCAN:
            last = content[start + 4 : start + 5] == bands_in_one_scan
        if marker == _SCAN or data_from is not None:
            data_from = end
    else:
        parts.append(content[data_from:] if data_from is not None else b"")
    return b"".join([*parts, b"\xff\xd9"])


def _without_additions(content: bytes, segment: Segment) -> bytes:
    """Return what a decoder needs of a segment, which may be nothing."""
    body = content[segment.start + 4 : segment.end]
    if segment.marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
        # Without its thumbnail, whose width and height are the last two bytes.
        return b"\xff\xe0\x00\x10" + body[: _JFIF_BYTES - 2] + b"\0\0"
    if segment.marker == _ADOBE and body.startswith(b"Adobe"):
        return b"\xff\xee\x00\x0e" + body[:_ADOBE_BYTES] if len(body) >= _ADOBE_BYTES else b""
    added = segment.marker in _APPLICATION or segment.marker == _COMMENT
    return b"" if added else content[segment.start : segment.end]
