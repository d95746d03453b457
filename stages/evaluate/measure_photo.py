"""Measured photo: its pixels as the model takes them, and the facts by which it is compared.

Light, since the child processes that read photos import it.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from stages.base.files import sha256_bytes
from stages.images.phash import phash
from stages.images.picture import Pixels
from stages.predict.photo_source import Unread, read_source_bytes
from stages.predict.read_photo import PhotoRequest, PresizedPhoto, presize_photo
from stages.stats.image_measures import brightness_and_sharpness


@dataclass(frozen=True, kw_only=True)
class PhotoFacts:
    """What is kept of a photo when its pixels are gone."""

    sha256: str  # of the file
    phash: str  # of the presized pixels, "" for a blank
    size: int  # shorter side of the original, pixels
    brightness: float  # as slices.image_properties has it
    sharpness: float


@dataclass(frozen=True)
class MeasuredPhoto:
    """The presized pixels (H, W, 3) of a photo, and its facts."""

    pixels: Pixels
    facts: PhotoFacts

    @property
    def nbytes(self) -> int:
        """The memory that the pixels take, by which reading ahead is bounded."""
        return self.pixels.nbytes


@dataclass(frozen=True)
class PhotoMeasurer:
    """Reads a photo as predict does, and measures it; what child processes do."""

    quality: int | None  # of the JPEGs in the presized store, None where they are raw

    def __call__(self, request: PhotoRequest) -> MeasuredPhoto | Unread:
        """Return a photo with its facts, or its problem."""
        content = read_source_bytes(request.source)
        if isinstance(content, Unread):
            return content
        photo = presize_photo(content, request.size)
        if isinstance(photo, Unread):
            return photo
        brightness, sharpness = brightness_and_sharpness(_as_stored(photo, self.quality))
        facts = PhotoFacts(
            sha256=sha256_bytes(content),
            phash=phash(Image.fromarray(photo.pixels)),
            size=min(photo.width, photo.height),
            brightness=brightness,
            sharpness=sharpness,
        )
        return MeasuredPhoto(photo.pixels, facts)


def _as_stored(photo: PresizedPhoto, quality: int | None) -> Pixels:
    """Return the pixels as the presized store would give them back.

    Validation photos are measured from there. Of 30 photos of the digits sample a JPEG of quality
    92 kept .80 to 1.02 of the sharpness (.93 in the median): a test would see another camera.
    """
    if quality is None or photo.plain:
        return photo.pixels
    buffer = io.BytesIO()
    Image.fromarray(photo.pixels).save(buffer, "JPEG", quality=quality, subsampling="4:4:4")
    with Image.open(buffer, formats=("JPEG",)) as image:
        return np.asarray(image)
