"""Second look: the pixels of a few photos again, after all were answered and none was kept."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from stages.base.errors import UserError
from stages.images.picture import Pixels, as_image
from stages.page.thumbnails import LARGEST_THUMBNAIL
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.read_photo import PhotoRequest, read_photo


class SecondLook:
    """Photos by their names."""

    def __init__(self, sources: Sequence[PhotoSource], size: int) -> None:
        """Take the photos, and the shorter side in pixels to which they are presized."""
        self._sources = {source.name: source for source in sources}
        self._size = size

    def pixels(self, path: str) -> Pixels:
        """Return a photo that was read before; UserError where it cannot be read now."""
        photo = read_photo(PhotoRequest(self._sources[path], self._size))
        if isinstance(photo, Unread):
            raise UserError(
                f"{path} was read, and to compare it with others it cannot be read again "
                f"({photo.problem}); run your command again: the answers are kept"
            )
        return photo

    def picture(self, path: str) -> Pixels | None:
        """Return a photo no larger than on a page; None where it cannot be read any more."""
        photo = read_photo(PhotoRequest(self._sources[path], self._size))
        if isinstance(photo, Unread):
            return None
        image = as_image(photo).copy()
        image.thumbnail((LARGEST_THUMBNAIL, LARGEST_THUMBNAIL), Image.Resampling.LANCZOS)
        return np.asarray(image)
