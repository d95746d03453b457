"""JPEG size: width and height from the header of an ordinary JPEG, without a decoder."""

# Markers of a JPEG (ITU-T T.81, table B.1): a frame, which has the size; a scan, which has pixels;
# a segment of Multi-Picture Format; and all that have a length and may stand before the first scan.
_FRAMES = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC})
_SCAN = 0xFFDA
_MULTI_PICTURE = 0xFFE2
_BAND_COUNTS = (b"\1", b"\3", b"\4")  # number of bands: grey, YCbCr or RGB, CMYK
_SEGMENTS = _FRAMES | {0xFFC4, 0xFFCC, 0xFFDB, 0xFFDD, *range(0xFFE0, 0xFFF0), 0xFFFE}


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of an ordinary JPEG, or None when Pillow must read the header.

    Ordinary: up to the first scan nothing but segments, one of which is a frame of 8 bits in as
    many bands as a picture has; no further picture in the file, as in an MPO. Pillow takes 36 us
    to read a header, during which other threads wait; libjpeg 6, and then waits for the
    interpreter; this takes 2.
    """
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    start = 2  # of a segment
    size = (0, 0)
    while (marker := _uint16(content, start)) in _SEGMENTS:
        if marker in _FRAMES and content[start + 4 : start + 5] == b"\x08":
            known = content[start + 9 : start + 10] in _BAND_COUNTS
            size = (_uint16(content, start + 7), _uint16(content, start + 5)) if known else (0, 0)
        elif marker == _MULTI_PICTURE and content[start + 4 : start + 8] == b"MPF\0":
            return None
        start += 2 + _uint16(content, start + 2)
    return size if marker == _SCAN and min(size) > 0 else None


def _uint16(content: bytes, start: int) -> int:
    return int.from_bytes(content[start : start + 2], "big")
