"""Reading a photo to predict as presize reads one to train on; what child processes do."""

from dataclasses import dataclass

import numpy as np

from stages.images.decode import Undecodable, decode
from stages.images.picture import Pixels, size_of
from stages.images.resize import presized_size, resize
from stages.predict.photo_source import PhotoSource, Unread, read_source_bytes

ReadPhoto = tuple[PhotoSource, Pixels | Unread]  # a source with its photo, or with its problem


@dataclass(frozen=True)
class PhotoRequest:
    """A photo to read, and the shorter side in pixels to which it is presized."""

    source: PhotoSource
    size: int


@dataclass(frozen=True, kw_only=True)
class PresizedPhoto:
    """A photo with its shorter side reduced, and what it was before."""

    pixels: Pixels  # (H, W, 3), upright sRGB
    width: int  # of the original, upright
    height: int
    plain: bool  # a JPEG with these very pixels, which presize would store as it is coded


def read_photo(request: PhotoRequest) -> Pixels | Unread:
    """Return one photo (H, W, 3), upright sRGB, presized as the training images were.

    What is no photo has its problem, named as presize names it.
    """
    content = read_source_bytes(request.source)
    photo = content if isinstance(content, Unread) else presize_photo(content, request.size)
    return photo if isinstance(photo, Unread) else photo.pixels


def presize_photo(content: bytes, size: int) -> PresizedPhoto | Unread:
    """Return the photo that some bytes are, its shorter side reduced to a size, or its problem."""
    try:
        photo = decode(content, size)
    except Undecodable as error:
        return Unread(f"{error.problem}: {error.detail}" if error.detail else error.problem)
    width = photo.width
    height = photo.height
    target = presized_size(width, height, size)
    if size_of(photo.picture) == target:
        pixels = np.ascontiguousarray(photo.picture)
        return PresizedPhoto(pixels=pixels, width=width, height=height, plain=photo.plain)
    try:
        pixels = np.array(resize(photo.picture, target))
    except MemoryError:
        return Unread("unreadable: too little memory to reduce it", again=True)
    except Exception as error:
        return Unread(f"cannot be reduced: {' '.join(str(error).split())[:120]}")
    return PresizedPhoto(pixels=pixels, width=width, height=height, plain=False)
