"""Decoding: the bytes of a file become an upright RGB picture, or a problem with a name."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError

from stages.images.jpeg import COLOUR_SPACES, OddData, read_jpeg, scale_of
from stages.images.picture import Picture, as_image

# The formats that photos come in. Left out are those that run other programs (EPS), and those
# without a header that distinguishes them from noise (TGA, PCX).
EXTENSIONS = {
    "AVIF": (".avif",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
    "MPO": (".mpo", ".jpg", ".jpeg"),
    "PNG": (".png", ".apng"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
OPENED_FORMATS = tuple(name for name in EXTENSIONS if name != "MPO")  # MPO is opened as a JPEG
_HEIC_BRANDS = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
_GREY_MODES = ("1", "L", "LA")
_COLOUR_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_MIN_SIDE = 16  # pixels; below it there is nothing to learn from
_MAX_PIXELS = 200_000_000  # what the largest phone cameras make; about 800 MB while it is decoded
# Pillow checks the size in the header before it decodes: it warns above its limit, and
# refuses above twice its limit.
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS // 2

# Category of a warning -> trait of the file; every other warning is odd metadata. A size below the
# limit is no trait.
_WARNING_TRAITS = {OddData: "odd data", Image.DecompressionBombWarning: ""}
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
    plain: bool  # an upright RGB JPEG, which can be stored as it is

    @property
    def image(self) -> Image.Image:
        """The picture as an image of Pillow."""
        return as_image(self.picture)


def decode(content: bytes, shorter: int | None = None, thumbnail: int | None = None) -> Decoded:
    """Decode the first frame of a file as upright RGB, or raise Undecodable.

    shorter: a JPEG is decoded at the smallest scale of 1, 1/2, 1/4 and 1/8 that leaves its shorter
    side at least so many pixels.
    thumbnail: a plain JPEG whose shorter side is within `shorter` is decoded in grey, down to so
    many pixels: reading all of it proves it whole, and its own bytes are what is stored.
    Alpha is composited over white.
    """
    if not content:
        raise Undecodable("empty", "0 bytes")
    with _named_problems(content), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        photo = Image.open(io.BytesIO(content), formats=OPENED_FORMATS)
        width, height = photo.size
        _check_header(photo)
        traits = _traits(photo)
        plain = (photo.format, photo.mode, _orientation(photo)) == ("JPEG", "RGB", 1)
        passes_through = plain and shorter is not None and min(photo.size) <= shorter
        if passes_through and thumbnail:
            picture = _load_jpeg(content, photo, "L", thumbnail)
        elif photo.format in ("JPEG", "MPO"):
            picture = _to_rgb(_load_jpeg(content, photo, photo.mode, shorter or min(photo.size)))
        else:
            picture = _to_rgb(_load(content, photo))
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


def wrong_extension(path: str, format_name: str) -> bool:
    """Return whether a file's extension is none of those of its format."""
    return PurePosixPath(path).suffix.lower() not in EXTENSIONS.get(format_name, ())


@contextmanager
def _named_problems(content: bytes) -> Iterator[None]:
    """Turn any exception of Pillow into Undecodable; damaged files make it raise almost any."""
    try:
        yield
    except (Undecodable, MemoryError):
        raise
    except UnidentifiedImageError:
        heic = content[4:12] in _HEIC_BRANDS
        hint = "HEIC: convert it to JPEG first" if heic else "no decoder knows it"
        raise Undecodable("not an image", hint) from None
    except Image.DecompressionBombError as error:
        raise Undecodable("bomb", str(error).split(",")[0]) from None
    except Exception as error:
        text = re.sub(r" at 0x\w+", "", " ".join(str(error).split())) or type(error).__name__
        short = isinstance(error, EOFError) or "truncated" in text.lower()
        raise Undecodable("truncated" if short else "corrupt", text) from None


def _check_header(photo: Image.Image) -> None:
    """Refuse, from the header alone, what must not or cannot be decoded."""
    if min(photo.size) < _MIN_SIDE:
        size = f"{photo.width} x {photo.height} pixels"
        raise Undecodable("too small", f"{size}; at least {_MIN_SIDE} a side are needed")
    sixteen = photo.mode.startswith("I;16") or (photo.mode == "I" and photo.format == "PPM")
    if photo.mode not in _COLOUR_MODES and not sixteen:
        raise Undecodable("unsupported mode", f"{photo.format} of mode {photo.mode}")


def _traits(photo: Image.Image) -> set[str]:
    """Return the unusual traits of a file that is open but not yet loaded."""
    sixteen = photo.mode.startswith("I") or ";16" in str(getattr(photo, "tile", ""))
    # A camera's MPO holds a second view or a preview, not the next frame of a film.
    frames = photo.format != "MPO" and getattr(photo, "is_animated", False)
    traits = {
        "CMYK": photo.mode == "CMYK",
        "grey": photo.mode in _GREY_MODES or photo.mode.startswith("I"),
        "palette": photo.mode in ("P", "PA"),
        "alpha": photo.has_transparency_data,
        "16-bit": sixteen,
        "animated": bool(frames),
    }
    return {name for name, present in traits.items() if present}


def _orientation(photo: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1, upright, when the EXIF data are broken."""
    with suppress(Exception):
        orientation = photo.getexif().get(_ORIENTATION_TAG)
        return int(orientation) if orientation in _TURNS else 1
    return 1


def _load_jpeg(content: bytes, photo: Image.Image, mode: str, shorter: int) -> Picture:
    """Read an open JPEG in a mode, its shorter side at least so many pixels if it has them."""
    scale = scale_of(photo.size, shorter)
    picture = read_jpeg(content, mode, photo.size, scale) if mode in COLOUR_SPACES else None
    if picture is None:
        photo.draft(None, (photo.width // scale, photo.height // scale))
        photo.load()
        picture = photo
    if photo.mode == "CMYK" and "adobe" not in photo.info:
        # Pillow takes every CMYK JPEG for Adobe's, whose values are inverted.
        return ImageChops.invert(as_image(picture))
    return picture


def _load(content: bytes, photo: Image.Image) -> Image.Image:
    photo.load()
    if photo.format == "PNG":  # load() passes over wrong checksums, verify() does not
        Image.open(io.BytesIO(content), formats=("PNG",)).verify()
    return photo


def _to_rgb(photo: Picture) -> Picture:
    if not isinstance(photo, Image.Image):
        return photo
    if photo.mode.startswith("I"):  # 0..65535, which convert() would clip at 255
        levels = np.asarray(photo).astype(np.uint32)
        levels[levels == photo.info.get("transparency", -1)] = 65535  # one level of a PNG: white
        grey = (levels + 128) // 257
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if photo.has_transparency_data:
        layer = photo.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return photo if photo.mode == "RGB" else photo.convert("RGB")
