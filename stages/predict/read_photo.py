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


def read_photo(request: PhotoRequest) -> Pixels | Unread:
    """Return one photo (H, W, 3), upright sRGB, presized as the training images were.

    What is no photo has its problem, named as presize names it.
    """
    content = read_source_bytes(request.source)
    if isinstance(content, Unread):
        return content
    try:
        photo = decode(content, request.size)
    except Undecodable as error:
        return Unread(f"{error.problem}: {error.detail}" if error.detail else error.problem)
    target = presized_size(photo.width, photo.height, request.size)
    if size_of(photo.picture) == target:
        return np.ascontiguousarray(photo.picture)
    try:
        return np.array(resize(photo.picture, target))
    except MemoryError:
        return Unread("unreadable: too little memory to reduce it", again=True)
    except Exception as error:
        return Unread(f"cannot be reduced: {' '.join(str(error).split())[:120]}")
