"""JPEG scans: how many passes over the picture, the memory they take, and whether all arrived."""

import math
from collections import defaultdict

from stages.images.jpeg_segments import JpegHeader, UnsupportedJpeg, read_jpeg_header, scans

# Each scan passes over all blocks, empty or not, in .2 ns a pixel at least. An ordinary progressive
# JPEG has about 10; one for every frequency of every band would be 192. So the most time that empty
# scans can take is 4 s, at 40 million pixels as at 200; without a limit a file of 1 MB takes 24.
MAX_SCANS = 500
_MAX_SCANNED_PIXELS = 20_000_000_000
_FREQUENCIES = 64  # of a block of 8 x 8 pixels
# Of a JPEG in several scans libjpeg has all coefficients in memory, 2 bytes each, at full size
# whatever the scale. With so many bytes a worker peaks at 1.0 GB (160 million pixels of RGB, 120 of
# CMYK, all bands at full size; 200 of RGB in 4:2:0 take .7 GB).
_MAX_COEFFICIENT_BYTES = 960_000_000


def check_scans(content: bytes, header: JpegHeader) -> None:
    """Raise UnsupportedJpeg when a JPEG has more scans than any program writes."""
    if header.one_scan:
        return
    count = sum(1 for _ in scans(content))
    pixels = max(1, header.width * header.height)  # a height of 0 is refused later
    if count > min(MAX_SCANS, _MAX_SCANNED_PIXELS / pixels):
        raise UnsupportedJpeg(f"{count:,} scans; a progressive JPEG has about 10: save it anew")


def most_pixels(header: JpegHeader) -> float:
    """Return how many pixels a JPEG may have for its coefficients to fit; infinity for one scan."""
    if header.one_scan or not header.bands:
        return math.inf
    factors = [divmod(band.sampling, 16) for band in header.bands]
    widest = max(1, *(across for across, _ in factors))
    tallest = max(1, *(down for _, down in factors))
    coefficients = sum(across * down for across, down in factors) / (widest * tallest)  # a pixel
    return _MAX_COEFFICIENT_BYTES / (2 * max(1, coefficients))


def all_scans_arrived(content: bytes) -> bool:
    """Return whether every frequency of every band has been sent down to its last bit.

    A file cut between two scans has no damage that a decoder could notice.
    """
    header = read_jpeg_header(content)
    if header is None or header.arithmetic:  # a decoder of arithmetic coding adds zeros, no warning
        return False
    if header.one_scan:
        return True
    missing_bits: dict[tuple[int, int], int] = defaultdict(lambda: 1)
    for scan in scans(content):
        body = content[scan.start + 4 : scan.end]
        if not body or len(body) != 2 * body[0] + 4:
            return False
        first, last, approximation = body[-3:]
        for band in body[1:-3:2]:
            for frequency in range(first, min(last, _FREQUENCIES - 1) + 1):
                missing_bits[band, frequency] = approximation & 15
    return all(
        missing_bits[band.identifier, frequency] == 0
        for band in header.bands
        for frequency in range(_FREQUENCIES)
    )
