"""Decoding: the bytes of a file become an upright RGB picture, or a problem with a name."""

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from PIL import Image, UnidentifiedImageError

from stages.images.camera_raw import camera_raw
from stages.images.colour import Colours, to_srgb
from stages.images.foreign import HEAD_BYTES, foreign_content
from stages.images.formats import OPENED_FORMATS
from stages.images.jpeg import COLOUR_SPACES, NoEndMarker, OddData, read_jpeg, scale_of
from stages.images.jpeg_scans import most_pixels
from stages.images.jpeg_segments import UnsupportedJpeg
from stages.images.picture import Picture, as_image, is_deep, is_grey
from stages.images.raster import read_raster
from stages.images.resize import box_size, presized_size
from stages.images.source import Source, read_source, stated_colours
from stages.images.strips import WHOLE_PIXELS, convert_in_strips
from stages.images.tiff_tags import is_tiff, unread_tiff

_COLOUR_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_MIN_SIDE = 16  # pixels; below it there is nothing to learn from
_MAX_PIXELS = 200_000_000  # what the largest phone cameras make; about 800 MB while it is decoded
# Formats whose decoders take more than 4 bytes of memory a pixel: up to 18 AVIF, 24 JPEG 2000, 16
# WebP. A JPEG in several scans takes 2 bytes a coefficient (see most_pixels). So a worker needs 1.1
# GB and the file's own bytes, whatever it is given.
_MAX_PIXELS_OF = {"AVIF": 50_000_000, "JPEG2000": 40_000_000, "WEBP": 60_000_000}
# Pillow checks the size in the header before it decodes: it warns above its limit, and
# refuses above twice its limit.
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS // 2

# Category of a warning -> trait of the file; every other warning is odd metadata. A size below the
# limit is no trait.
_WARNING_TRAITS = {
    OddData: "odd data",
    NoEndMarker: "no end marker",
    Image.DecompressionBombWarning: "",
}
_ORIENTATION_TAG = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Undecodable(Exception):
    """A file that gives no picture: `problem` is one of a few names, `detail` says more."""

    def __init__(self, problem: str, detail: str) -> None:
        """Name the problem; both are plain text, so that a worker can send the error."""
        super().__init__(problem, detail)
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True)
class Decoded:
    """A picture, and the traits of its file."""

    picture: Picture  # RGB (a thumbnail grey), upright, perhaps at a fraction of its full size
    width: int  # upright, at full size
    height: int
    format: str  # as Pillow names it, from the content
    traits: tuple[str, ...]  # sorted; see _traits
    plain: bool  # an upright JPEG in sRGB, whose own pixels can be stored

    @property
    def image(self) -> Image.Image:
        """The picture as an image of Pillow."""
        return as_image(self.picture)


def decode(content: bytes, shorter: int | None = None, thumbnail: int | None = None) -> Decoded:
    """Decode the first frame of a file as upright sRGB, or raise Undecodable.

    shorter: a JPEG is decoded at the smallest scale of 1, 1/2, 1/4 and 1/8 that leaves its shorter
    side at least so many pixels; a large picture of another format comes averaged in the boxes that
    `resize` would take.
    thumbnail: a plain JPEG whose shorter side is within `shorter` is decoded in grey, down to so
    many pixels: reading all of it proves it whole, and its own bytes are what is stored.
    Alpha is composited over white.
    """
    if not content:
        raise Undecodable("empty", "0 bytes")
    with _named_problems(content), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        source = read_source(content)
        if source.jpeg is None:
            _refuse_camera_raw(source.content)
        photo = Image.open(io.BytesIO(source.content), formats=OPENED_FORMATS)
        width, height = photo.size
        _check_header(photo, source)
        colours = stated_colours(photo, source)
        traits = (_traits(photo) | source.traits | {colours.trait}) - {""}
        plain = _is_plain(photo, source, colours)
        passes_through = plain and shorter is not None and min(photo.size) <= shorter
        if passes_through and thumbnail:
            picture = _load_jpeg(source, photo, "L", thumbnail)
        elif photo.format in ("JPEG", "MPO"):
            loaded = _load_jpeg(source, photo, photo.mode, shorter or min(photo.size))
            picture = _to_rgb(loaded, colours)
        else:
            raster = read_raster(source.content, photo)
            traits |= raster.traits
            boxes = _boxes(photo.size, shorter)
            to_rgb = partial(_to_rgb, colours=colours)
            picture = convert_in_strips(raster.strips, photo.size, boxes, to_rgb)
        orientation = _orientation(photo)
    traits |= {_WARNING_TRAITS.get(warning.category, "odd metadata") for warning in warned} - {""}
    if orientation in _TURNS:
        traits.add("EXIF turn")
        picture = as_image(picture).transpose(_TURNS[orientation])
    if orientation in range(5, 9):  # a quarter turn
        width, height = height, width
    if isinstance(picture, Image.Image):
        picture.info = {}  # nothing of the file's metadata goes into what is saved from this
    return Decoded(picture, width, height, photo.format or "", tuple(sorted(traits)), plain)


@contextmanager
def _named_problems(content: bytes) -> Iterator[None]:
    """Turn any exception of Pillow into Undecodable; damaged files make it raise almost any."""
    try:
        yield
    except (Undecodable, MemoryError):
        raise
    except UnidentifiedImageError:
        if is_tiff(content):
            raise Undecodable(*unread_tiff(io.BytesIO(content))) from None
        raise Undecodable("not an image", foreign_content(content[:HEAD_BYTES])) from None
    except UnsupportedJpeg as error:
        raise Undecodable("unsupported JPEG", str(error)) from None
    except Image.DecompressionBombError as error:
        raise Undecodable("bomb", str(error).split(",")[0]) from None
    except Exception as error:
        # Each once: of a TIFF with a profile of 30 MB libvips has 22 lines, two of them different.
        lines = dict.fromkeys(" ".join(line.split()) for line in str(error).splitlines())
        text = re.sub(r" at 0x\w+", "", " ".join(filter(None, lines))) or type(error).__name__
        short = isinstance(error, EOFError) or "truncated" in text.lower()
        raise Undecodable("truncated" if short else "corrupt", text) from None


def _refuse_camera_raw(content: bytes) -> None:
    if reason := camera_raw(io.BytesIO(content)):
        raise Undecodable("not an image", reason)


def _check_header(photo: Image.Image, source: Source) -> None:
    """Refuse, from the header alone, what must not or cannot be decoded."""
    if min(photo.size) < _MIN_SIDE:
        size = f"{photo.width} x {photo.height} pixels"
        raise Undecodable("too small", f"{size}; at least {_MIN_SIDE} a side are needed")
    most = _MAX_PIXELS_OF.get(photo.format or "", _MAX_PIXELS)
    if photo.width * photo.height > most:
        raise Undecodable("bomb", f"{photo.format} of more than {most:,} pixels")
    most_in_scans = most_pixels(source.jpeg) if source.jpeg else math.inf
    if photo.width * photo.height > most_in_scans:
        detail = f"JPEG in several scans of more than {most_in_scans:,.0f} pixels"
        raise Undecodable("bomb", f"{detail}; save it in one (baseline)")
    sixteen = photo.mode.startswith("I;16") or (photo.mode == "I" and photo.format == "PPM")
    if photo.mode not in _COLOUR_MODES and not sixteen:
        raise Undecodable("unsupported mode", f"{photo.format} of mode {photo.mode}")


def _traits(photo: Image.Image) -> set[str]:
    """Return the unusual traits of a file that is open but not yet loaded."""
    # A camera's MPO holds a second view or a preview, not the next frame of a film.
    frames = photo.format != "MPO" and getattr(photo, "is_animated", False)
    traits = {
        "CMYK": photo.mode == "CMYK",
        "grey": is_grey(photo),
        "palette": photo.mode in ("P", "PA"),
        "alpha": photo.has_transparency_data,
        "16-bit": is_deep(photo),
        "animated": bool(frames),
    }
    return {name for name, present in traits.items() if present}


def _orientation(photo: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1, upright, when the EXIF data are broken."""
    with suppress(Exception):
        orientation = photo.getexif().get(_ORIENTATION_TAG)
        return int(orientation) if orientation in _TURNS else 1
    return 1


def _is_plain(photo: Image.Image, source: Source, colours: Colours) -> bool:
    """Return whether a file is an upright RGB JPEG, in sRGB, of a coding that all programs read."""
    upright = (photo.format, photo.mode, _orientation(photo)) == ("JPEG", "RGB", 1)
    return upright and not colours.profile and bool(source.jpeg and not source.jpeg.arithmetic)


def _load_jpeg(source: Source, photo: Image.Image, mode: str, shorter: int) -> Picture:
    """Read an open JPEG in a mode, its shorter side at least so many pixels if it has them."""
    # One whose header has errors is not scaled: its kind of coding is not known to allow it.
    scale = scale_of(photo.size, shorter) if source.jpeg else 1
    picture = read_jpeg(source.content, mode, photo.size, scale) if mode in COLOUR_SPACES else None
    if picture is not None:
        return picture
    photo.draft(None, (photo.width // scale, photo.height // scale))
    photo.load()
    return photo


def _boxes(size: tuple[int, int], shorter: int | None) -> tuple[int, int]:
    """Return the boxes that a large picture is averaged in, those that `resize` would use."""
    if shorter is None or size[0] * size[1] <= WHOLE_PIXELS:
        return 1, 1
    return box_size(size, presized_size(*size, shorter))


def _to_rgb(photo: Picture, colours: Colours) -> Picture:
    if not isinstance(photo, Image.Image):
        return to_srgb(photo, colours)
    if photo.has_transparency_data:
        layer = as_image(to_srgb(photo.convert("RGBA"), colours))
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    photo = as_image(to_srgb(photo, colours))
    return photo if photo.mode == "RGB" else photo.convert("RGB")
