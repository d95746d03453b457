"""Encoding: one photo's bytes become the presized bytes that the store has."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import pyvips
import simplejpeg
from PIL import Image, features

from stages.base.fingerprint import fingerprint
from stages.images.decode import decode
from stages.images.phash import phash
from stages.images.resize import PresizeParams, presized_size, resize

# Shorter side, pixels, that is decoded of a photo which passes through, to hash it. A pet photo of
# 500 x 375 then takes .81 ms instead of 1.06, and the hash is 4 bits (median; at most 18 of 256)
# from that of all pixels; with 64 it would be 10 (at most 24), and hardly faster (.78).
HASH_THUMBNAIL = 128


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A presized photo; `content` is None where the original's serves, without its metadata."""

    content: bytes | None
    width: int  # of the presized image
    height: int
    phash: str
    format: str  # of the original
    traits: tuple[str, ...]
    # Of a photo in a bucket, which is not asked for again:
    kept: bool = False  # the content is the original's
    original_bytes: int = 0  # 0 where a look at the file tells


def encode(content: bytes, params: PresizeParams) -> Encoded:
    """Presize one photo, or raise Undecodable.

    A plain JPEG that is small enough already is decoded to prove it whole, and its pixels are
    stored as they are coded: presizing must not cost quality where nothing needs doing.
    """
    jpeg = params.format == "jpeg"
    photo = decode(content, params.size, thumbnail=HASH_THUMBNAIL if jpeg else None)
    if jpeg and photo.plain and min(photo.width, photo.height) <= params.size:
        return Encoded(
            content=None,
            width=photo.width,
            height=photo.height,
            phash=phash(photo.image),
            format=photo.format,
            traits=photo.traits,
        )
    width, height = presized_size(photo.width, photo.height, params.size)
    image = resize(photo.picture, (width, height))
    return Encoded(
        content=_jpeg(image, params) if jpeg else _ppm(image),
        width=width,
        height=height,
        phash=phash(image),
        format=photo.format,
        traits=photo.traits,
    )


def encoder_key(params: PresizeParams) -> str:
    """Return a fingerprint of everything besides the photo that decides what `encode` returns."""
    modules = sorted(Path(__file__).parent.glob("*.py"))  # each has a part in it
    versions = [PIL.__version__, features.version("jpg"), simplejpeg.__version__, np.__version__]
    versions += [str(pyvips.version(part)) for part in range(3)]
    versions += [features.version("littlecms2")]
    options = [params.size, params.format, params.quality if params.format == "jpeg" else 0]
    return fingerprint([module.read_text("utf-8") for module in modules], versions, options)


def _jpeg(image: Image.Image, params: PresizeParams) -> bytes:
    buffer = io.BytesIO()
    # Colour at full resolution. At equal size (pets at 160 px, 11.8 kB) quality 88 with it is as
    # near as 92 without, and 1.9 dB nearer once training has shrunk the image a little.
    image.save(buffer, "JPEG", quality=params.quality, subsampling="4:4:4")
    return buffer.getvalue()


def _ppm(image: Image.Image) -> bytes:
    """Return the picture as PPM: a short header, then rows of RGB bytes."""
    return f"P6\n{image.width} {image.height}\n255\n".encode() + image.tobytes()
