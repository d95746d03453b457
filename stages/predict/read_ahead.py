"""Reading ahead: photos decoded by child processes, in order, while the model computes.

Processes rather than threads: a photo that crashes a decoder takes one process along and not the
run, and what a decoder says on the terminal can only be caught by a process that decodes one photo.
A photo of 500 x 375 takes .3 ms on its way from a process, and 1.6 ms to decode.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from threading import local
from typing import Generic, TypeVar

from stages.base.ahead import map_ahead
from stages.base.bucket import BucketFile
from stages.base.child_process import ChildProcess, Death
from stages.base.storage import REQUESTS_AT_ONCE
from stages.predict.photo_source import PhotoSource, Unread, read_source_bytes
from stages.predict.read_photo import PhotoRequest

# Photos read before they are asked for: two batches. And of large ones fewer, so that memory does
# not depend on what is read: a panorama may have 90 MB.
_PHOTOS_AHEAD = 64
_BYTES_AHEAD = 200 * 10**6

Photo = TypeVar("Photo")  # what a reader makes of a photo
_Reader = ChildProcess[PhotoRequest, Photo | Unread]
_Pending = tuple[PhotoSource, Future[Photo | Unread]]


class PhotoReaders(Generic[Photo]):
    """Child processes that read photos, each asked by a thread of its own."""

    def __init__(self, processes: int, read: Callable[[PhotoRequest], Photo | Unread]) -> None:
        """Begin to start the processes: it takes half a second, in which a model may be loaded."""
        self._pool = ThreadPoolExecutor(processes)
        self._function = read
        self._of_thread = local()
        self._children: list[_Reader[Photo]] = []
        self._ended = False
        for _ in range(processes):
            self._pool.submit(self._child)

    def read_ahead(
        self, sources: Iterable[PhotoSource], size: int
    ) -> Iterator[tuple[PhotoSource, Photo | Unread]]:
        """Yield each source with its photo, presized to `size`, or with its problem, in order."""
        pending: deque[_Pending[Photo]] = deque()
        for source in _fetched(sources):
            pending.append((source, self._pool.submit(self._read, PhotoRequest(source, size))))
            while len(pending) > _PHOTOS_AHEAD or _bytes_of(pending) > _BYTES_AHEAD:
                yield _first(pending)
        while pending:
            yield _first(pending)

    def end(self) -> None:
        """End the processes, whatever they are at."""
        self._ended = True
        for child in self._children:
            child.kill()
        self._pool.shutdown(cancel_futures=True)
        for child in self._children:
            child.end()

    def _read(self, request: PhotoRequest) -> Photo | Unread:
        """Return a photo or its problem; one whose process dies is tried a second time."""
        if isinstance(request.source.place, Unread):
            return request.source.place
        answer = self._child().ask(request)
        if isinstance(answer, Death):
            answer = self._child().ask(request)
        return _problem_of(answer) if isinstance(answer, Death) else answer

    def _child(self) -> _Reader[Photo]:
        """Return the process of this thread."""
        if self._ended:  # or another process would be started
            raise CancelledError
        if not hasattr(self._of_thread, "child"):
            self._of_thread.child = ChildProcess(self._function)
            self._children.append(self._of_thread.child)
        child: _Reader[Photo] = self._of_thread.child
        return child


@contextmanager
def photo_readers(
    processes: int, read: Callable[[PhotoRequest], Photo | Unread]
) -> Iterator[PhotoReaders[Photo]]:
    """Start readers for a block, and end them with it; read: what each of the processes does."""
    readers = PhotoReaders(processes, read)
    try:
        yield readers
    finally:
        readers.end()


def _fetched(sources: Iterable[PhotoSource]) -> Iterator[PhotoSource]:
    """Yield each source, with its bytes where it is in a bucket, of which several are read at once.

    In the processes there would be one request for each at a time.
    """
    for is_far, group in groupby(sources, lambda source: isinstance(source.place, BucketFile)):
        if is_far:
            yield from map_ahead(_fetch, group, REQUESTS_AT_ONCE)
        else:
            yield from group


def _fetch(source: PhotoSource) -> PhotoSource:
    return replace(source, place=read_source_bytes(source))


def _first(pending: deque[_Pending[Photo]]) -> tuple[PhotoSource, Photo | Unread]:
    source, photo = pending.popleft()
    return source, photo.result()


def _bytes_of(pending: Iterable[_Pending[Photo]]) -> int:
    """Return how many bytes are held: photos that are read, and those that came in a tar."""
    places = sum(_held(source.place) for source, _ in pending)
    return places + sum(_held(photo.result()) for _, photo in pending if photo.done())


def _held(value: object) -> int:
    if isinstance(value, bytes):
        return len(value)
    return getattr(value, "nbytes", 0)


def _problem_of(death: Death) -> Unread:
    """Return the problem of a photo at which two processes died."""
    if death.crashed:
        return Unread(f"crashed the decoder: {death}")
    return Unread(f"ended by the system: {death}, most often for want of memory", again=True)
