"""Batches for a device: made by a thread on a side stream, some steps ahead of training.

Photos lie on the device, or come through the pinned ring in pieces of a bounded size, which
one kernel renders. Where torch renders, a piece is a batch, however large.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.batch.batches import Batch
from stages.batch.flat_images import FlatImages
from stages.batch.pinned_ring import SLOT_BYTES, Piece, cut_pieces, decode_through_ring
from stages.batch.render_flat import render_flat
from stages.batch.render_spec import RenderSpec
from stages.batch.run_ahead import run_ahead
from stages.batch.side_stream import Mark, SideStream, side_stream_of
from stages.batch.view_plan import ViewPlan
from stages.batch.view_record import PlacedImages

# Batches that are ready or under way while one trains.
_AHEAD = 2
# The limit in bytes that cuts no batch.
_WHOLE_BATCH = 2**62


def device_batches(
    images: FlatImages,
    targets: np.ndarray,
    render: RenderSpec,
    batch_rows: Sequence[np.ndarray],
    plan: ViewPlan,
    side: SideStream | None = None,
) -> Iterator[Batch]:
    """Yield the batch of each array of rows; the first ones are begun at once.

    targets: (N,) of all images; side: the stream that makes them, by default the device's.
    """
    stream = side or side_stream_of(render.device)
    made = _Making(
        images=images,
        targets=targets,
        render=render,
        batch_rows=batch_rows,
        plan=plan,
        side=stream,
    ).batches()
    return _handed_over(run_ahead(made, _AHEAD), stream)


def _handed_over(made: Iterator[tuple[Batch, Mark]], side: SideStream) -> Iterator[Batch]:
    for batch, mark in made:
        side.hand_over(mark, [batch.images, batch.targets])
        yield batch


@dataclass(frozen=True, kw_only=True)
class _Making:
    """What makes the batches of one epoch, one after the other."""

    images: FlatImages
    targets: np.ndarray
    render: RenderSpec
    batch_rows: Sequence[np.ndarray]
    plan: ViewPlan
    side: SideStream

    def batches(self) -> Iterator[tuple[Batch, Mark]]:
        """Yield each batch, and the place of the side stream where it is ready."""
        for piece, flat, begins in self._located():
            if piece.first == 0:
                rows = self.batch_rows[piece.batch]
                batch = self._empty(len(rows))
            views = self.plan.of_batch(piece.batch)
            planned = views.subset(slice(piece.first, piece.first + len(piece.rows)))
            placed = PlacedImages(
                begins=begins,
                sizes=self.images.sizes[piece.rows],
                targets=self.targets[piece.rows],
                views=planned.views,
                factors=planned.factors,
            )
            render_flat(flat, placed, self.render, batch, piece.first, self.side)
            if piece.ends_batch:
                rows = self.batch_rows[piece.batch]
                yield Batch(images=batch[0], targets=batch[1], rows=rows), self.side.mark()

    def _empty(self, count: int) -> tuple[Tensor, Tensor]:
        """Return memory for the images and targets of a batch."""
        size = self.render.size
        images = self.side.empty(
            count, 3, size, size, dtype=self.render.dtype, layout=torch.channels_last
        )
        return images, self.side.empty(count, dtype=torch.int64)

    def _located(self) -> Iterator[tuple[Piece, Tensor, np.ndarray]]:
        """Yield each piece, the buffer on the device that holds its pixels, and their places."""
        images = self.images
        if images.buffer is not None and images.begins is not None:
            for piece in cut_pieces(self.batch_rows, images.sizes, _WHOLE_BATCH):
                yield piece, images.buffer, images.begins[piece.rows]
            return
        # torch's way rounds by what else is in the piece: positions are scaled by its widest image.
        limit = SLOT_BYTES if self.render.kernel else _WHOLE_BATCH
        pieces = cut_pieces(self.batch_rows, images.sizes, limit)
        largest = max((piece.bytes for piece in pieces), default=0)
        # One is enough, since the stream renders a piece before it copies the next.
        buffer = self.side.empty(largest, dtype=torch.uint8)
        for piece, pixels in decode_through_ring(
            pieces, images.sizes, images.read_into, images.threads, self.side
        ):
            self.side.copy(buffer[: piece.bytes], pixels)
            yield piece, buffer, piece.begins
