"""Camera raw: files whose readable picture is only a thumbnail, recognised by their header.

DNG, NEF, ARW and most others are TIFFs whose first directory is a reduced copy: of a photo of 24
megapixels a TIFF reader gives 160 x 120 pixels. An ordinary TIFF, of many pages or as a pyramid,
has its full picture first.
"""

from typing import IO

from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from stages.images.tiff_tags import is_tiff, read_directory, sub_directories

CAMERA_RAW = "camera raw: convert it to JPEG first"
REDUCED_COPY = "its first picture is a reduced copy: convert it to JPEG first"

# Offset and signature of those of Olympus (ORF), Panasonic (RW2), Canon (CRW, CR3), Fujifilm (RAF),
# Sigma (X3F) and Minolta (MRW); and, in a TIFF, of Canon (CR2) and Phase One (IIQ).
_SIGNATURES = (
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
    (6, b"HEAPCCDR"),
    (4, b"ftypcrx "),
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"FOVb"),
    (0, b"\0MRM"),
)
_TIFF_SIGNATURES = (b"CR\2", b"IIII")  # at byte 8
_HEAD = 24  # bytes that hold each of them
_REDUCED = 1  # bit of the subfile type
_MOSAIC = (32803, 34892)  # photometric interpretations: colour filter array, linear raw
_RAW_COMPRESSIONS = (32767, 34713, 65535)  # of Sony, Nikon and Pentax


def camera_raw(file: IO[bytes]) -> str:
    """Return why a file is refused as a camera's raw file, or "" when it is none.

    Reads the header; the position in the file is 0 afterwards.
    """
    file.seek(0)
    head = file.read(_HEAD)
    try:
        if is_tiff(head):
            return CAMERA_RAW if head.startswith(_TIFF_SIGNATURES, 8) else _raw_tiff(file)
        return CAMERA_RAW if any(head.startswith(mark, at) for at, mark in _SIGNATURES) else ""
    finally:
        file.seek(0)


def _raw_tiff(file: IO[bytes]) -> str:
    try:
        first = read_directory(file)
        raw = Base.DNGVersion in first or _is_mosaic(first)
        raw = raw or any(map(_is_mosaic, sub_directories(file, first)))
        reduced = first.get(Base.NewSubfileType, 0) & _REDUCED
    except Exception:  # a damaged directory raises almost any; decoding names the damage
        return ""
    return CAMERA_RAW if raw else REDUCED_COPY if reduced else ""


def _is_mosaic(directory: ImageFileDirectory_v2) -> bool:
    """Return whether a directory holds a sensor's data instead of a picture."""
    mosaic = directory.get(Base.PhotometricInterpretation) in _MOSAIC
    return mosaic or directory.get(Base.Compression) in _RAW_COMPRESSIONS
