"""Source: the bytes of a file as a decoder is to read them, and what they say about colours."""

from dataclasses import dataclass

from PIL import ExifTags, Image

from stages.images.colour import Colours, colours_of
from stages.images.colour_profile import CodePoints, adobe_rgb_profile, code_point_profile
from stages.images.jpeg_scans import check_scans
from stages.images.jpeg_segments import (
    JpegHeader,
    is_jpeg,
    read_jpeg_header,
    with_adobe_marker,
)
from stages.images.picture import is_grey
from stages.images.png_chunks import is_png, read_png

# AVIF states code points in a box among the first; those that libavif writes end by byte 400.
_CODE_POINT_BOX = b"colrnclx"
_SEARCHED = 1 << 16
_ADOBE_RGB_NOTE = "R03"  # the interoperability index of DCF 2.0 for Adobe RGB
_UNCALIBRATED = 0xFFFF  # EXIF ColorSpace: another than sRGB


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file before any pixel is decoded."""

    content: bytes
    traits: frozenset[str] = frozenset()
    jpeg: JpegHeader | None = None  # of a JPEG whose header is whole
    profile: bytes | None = None  # of a PNG; Pillow reads those of other formats
    code_points: CodePoints | None = None


def read_source(content: bytes) -> Source:
    """Return a file as a decoder is to read it, or raise UnsupportedJpeg."""
    if is_jpeg(content):
        return _jpeg_source(content)
    if is_png(content):
        png = read_png(content)
        return Source(
            content=png.content,
            traits=frozenset({"odd metadata"} if png.odd else ()),
            profile=png.profile,
            code_points=png.code_points,
        )
    box = content.find(_CODE_POINT_BOX, 0, _SEARCHED) if content[4:8] == b"ftyp" else -1
    if box < 0:
        return Source(content=content)
    numbers = content[box + len(_CODE_POINT_BOX) :][:4]
    points = CodePoints(int.from_bytes(numbers[:2], "big"), int.from_bytes(numbers[2:], "big"))
    return Source(content=content, code_points=points)


def _jpeg_source(content: bytes) -> Source:
    header = read_jpeg_header(content)
    if header is None:
        return Source(content=content)
    check_scans(content, header)
    traits = {"arithmetic coding"} if header.arithmetic else set()
    if len(header.bands) == 4 and not header.adobe:
        content = with_adobe_marker(content, header)
        traits.add("CMYK without Adobe marker")
    return Source(content=content, traits=frozenset(traits), jpeg=header)


def stated_colours(photo: Image.Image, source: Source) -> Colours:
    """Return what an open file says about its colours: a profile, code points or a camera's note.

    Code points go before a profile in PNG, after it in AVIF, as the formats demand.
    """
    mode = "L" if is_grey(photo) else "CMYK" if photo.mode == "CMYK" else "RGB"
    profile = source.profile
    if photo.format != "PNG" and "icc_profile" in photo.info:
        profile = photo.info["icc_profile"] or b""  # None where parts of it are missing
    points = source.code_points
    if points is not None and mode == "RGB" and (photo.format == "PNG" or profile is None):
        if points.hdr:
            return Colours(trait="HDR")
        profile = code_point_profile(points)
    elif profile is None and mode == "RGB" and _is_adobe_rgb(photo):
        profile = adobe_rgb_profile()
    return Colours() if profile is None else colours_of(profile, mode)


def _is_adobe_rgb(photo: Image.Image) -> bool:
    """Return whether EXIF says Adobe RGB, as cameras do that embed no profile."""
    if _ADOBE_RGB_NOTE.encode() not in photo.info.get("exif", b""):
        return False
    try:
        exif = photo.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex)
    except Exception:  # broken EXIF makes Pillow raise almost any
        return False
    return space == _UNCALIBRATED and str(index).startswith(_ADOBE_RGB_NOTE)
