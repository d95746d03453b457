"""Flat images: photos for a device, one after the other in one buffer there, or decoded anew.

On the device they are decoded once, by threads, through pinned memory. What does not fit is decoded
for every batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from stages.batch.pinned_ring import SLOT_BYTES, ReadInto, cut_pieces, decode_through_ring
from stages.batch.side_stream import side_stream_of


@dataclass(frozen=True, kw_only=True)
class FlatImages:
    """N images of a device: in its memory, or to be decoded into it."""

    sizes: NDArray[np.int32]  # (N, 2) heights and widths
    read_into: ReadInto  # a row of this set, and the array to decode it into
    threads: int  # that decode
    buffer: Tensor | None = None  # uint8 on the device: the images, and those of other sets
    begins: NDArray[np.int64] | None = None  # (N,) where each begins in the buffer

    @property
    def bytes(self) -> int:
        """Return the bytes that all images take."""
        return int(3 * self.sizes.astype(np.int64).prod(axis=1).sum())

    def subset(self, rows: np.ndarray) -> "FlatImages":
        """Return the images in these rows, numbered from 0."""
        return replace(
            self,
            sizes=self.sizes[rows],
            read_into=lambda row, out: self.read_into(int(rows[row]), out),
            begins=None if self.begins is None else self.begins[rows],
        )

    def on_device(self, device: torch.device) -> "FlatImages":
        """Return the images decoded into a buffer on the device."""
        lengths = 3 * self.sizes.astype(np.int64).prod(axis=1)
        begins = np.cumsum(lengths) - lengths
        side = side_stream_of(device)
        buffer = side.empty(self.bytes, dtype=torch.uint8)
        pieces = cut_pieces([np.arange(len(self.sizes))], self.sizes, SLOT_BYTES)
        decoded = decode_through_ring(pieces, self.sizes, self.read_into, self.threads, side)
        bar = tqdm(None, "decoding", len(self.sizes), unit="image", delay=1, leave=False)
        with bar:
            for piece, pixels in decoded:
                begin = int(begins[piece.first])
                side.copy(buffer[begin : begin + piece.bytes], pixels)
                bar.update(len(piece.rows))
        side.wait(side.mark())
        side.hand_over(side.mark(), [buffer])
        return replace(self, buffer=buffer, begins=begins)


def flat_from_memory(images: Sequence[Tensor]) -> FlatImages:
    """Return images (H, W, 3) uint8 of the processor's memory as those of a device."""

    def read_into(row: int, out: NDArray[np.uint8]) -> None:
        out[:] = images[row].numpy()

    sizes = np.array([image.shape[:2] for image in images], np.int32).reshape(-1, 2)
    return FlatImages(sizes=sizes, read_into=read_into, threads=1)
