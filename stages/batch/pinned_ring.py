"""Pinned ring: decoded images on their way to a device, through slots of memory that take turns.

Threads decode into the slots, image by image, while a GPU copies out of others; so the images in
flight never take more than the slots do, however large a batch is.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from stages.batch.side_stream import Mark, SideStream, pinned_empty

# Bytes of a slot, unless one image needs more: some 75 photographs of 613 x 460, or a batch.
SLOT_BYTES = 64 * 2**20
# One is filled, one is full and one is copied from.
_SLOTS = 3

# Decodes an image into an array (H, W, 3) uint8.
ReadInto = Callable[[int, NDArray[np.uint8]], None]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Images of one batch that travel together, one after the other."""

    rows: np.ndarray  # (n,) in the image set
    first: int  # place of the first one in its batch
    begins: NDArray[np.int64]  # (n,) of each image's bytes, counted from the first
    bytes: int
    batch: int  # number of its batch
    ends_batch: bool


def cut_pieces(
    batch_rows: Sequence[np.ndarray], sizes: np.ndarray, limit: int = SLOT_BYTES
) -> list[Piece]:
    """Return the pieces of batches, each of at most limit bytes unless it is a single image.

    sizes: (N, 2) heights and widths of all images.
    """
    lengths = 3 * sizes.astype(np.int64).prod(axis=1)
    pieces: list[Piece] = []
    for batch, rows in enumerate(batch_rows):
        start = 0
        while start < len(rows):
            ends = np.cumsum(lengths[rows[start:]])
            count = max(1, int(np.searchsorted(ends, limit, side="right")))
            stop = start + count
            piece = Piece(
                rows=rows[start:stop],
                first=start,
                begins=ends[:count] - lengths[rows[start:stop]],
                bytes=int(ends[count - 1]),
                batch=batch,
                ends_batch=stop == len(rows),
            )
            pieces.append(piece)
            start = stop
    return pieces


@dataclass
class _Slot:
    """Memory of one piece at a time, and the place where its last copy has been made."""

    memory: Tensor
    copied: Mark = None


def decode_through_ring(
    pieces: Sequence[Piece], sizes: np.ndarray, read_into: ReadInto, threads: int, side: SideStream
) -> Iterator[tuple[Piece, Tensor]]:
    """Yield each piece with its pixels, (bytes,) uint8, in memory from which a GPU can copy.

    The consumer gives its copy to the side stream before it asks for the next piece; then the
    memory serves again once the stream has come so far. An error of read_into is raised here.
    """
    largest = max((piece.bytes for piece in pieces), default=0)
    slots = [_Slot(pinned_empty(largest, side.device)) for _ in pieces[:_SLOTS]]
    under_way: deque[tuple[Piece, _Slot, list[Future[None]]]] = deque()

    def finish() -> Iterator[tuple[Piece, Tensor]]:
        piece, slot, decoding = under_way.popleft()
        for image in decoding:
            image.result()
        yield piece, slot.memory[: piece.bytes]
        slot.copied = side.mark()

    with ThreadPoolExecutor(threads) as pool:
        for number, piece in enumerate(pieces):
            if len(under_way) == len(slots):
                yield from finish()
            slot = slots[number % len(slots)]
            side.wait(slot.copied)
            views = _image_views(slot.memory, piece, sizes)
            decoding = [
                pool.submit(read_into, int(row), view)
                for row, view in zip(piece.rows, views, strict=True)
            ]
            under_way.append((piece, slot, decoding))
        while under_way:
            yield from finish()


def _image_views(memory: Tensor, piece: Piece, sizes: np.ndarray) -> Iterable[NDArray[np.uint8]]:
    """Yield the part of a slot that each image of a piece fills: (H, W, 3)."""
    flat = memory.numpy()
    for begin, (height, width) in zip(
        piece.begins.tolist(), sizes[piece.rows].tolist(), strict=True
    ):
        yield flat[begin : begin + 3 * height * width].reshape(height, width, 3)
