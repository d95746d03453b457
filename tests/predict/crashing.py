"""A reader that dies of some photos, for the tests of what a crash leaves."""

import os
import signal

from stages.images.picture import Pixels
from stages.predict.photo_source import Unread
from stages.predict.read_photo import PhotoRequest, read_photo


def read_or_die(request: PhotoRequest) -> Pixels | Unread:
    """Read a photo; the name may say how the process ends instead."""
    if "crash" in request.source.name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "memory" in request.source.name:
        raise MemoryError
    return read_photo(request)
