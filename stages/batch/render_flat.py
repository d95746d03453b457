"""Rendering images of a flat buffer on a device: by Triton's kernel, or else by torch.

The kernel is one operator of torch, finetrack::render_views, so that what counts or traces
operators sees it.
"""

import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from stages.batch.render_gpu import render_batch
from stages.batch.render_spec import RenderSpec
from stages.batch.side_stream import SideStream, pinned_empty, side_stream_of
from stages.batch.view_record import PlacedImages, fill_record, record_bytes, record_in
from stages.batch.views import centre_views
from stages.batch.windows import collate, visible_windows

_SIGNATURE = "(Tensor flat, Tensor record, int images, Tensor(a!) out, int first) -> ()"


class _OperatorLibrary(Protocol):
    """What is used of torch.library.Library, which has no annotations."""

    def define(self, schema: str, /) -> object: ...

    def impl(self, name: str, kernel: Callable[..., None], device: str, /) -> object: ...


_new_library: Callable[[str, str], _OperatorLibrary] = torch.library.Library
_LIBRARY = _new_library("finetrack", "FRAGMENT")
_LIBRARY.define(f"render_views{_SIGNATURE}")


def _launch(flat: Tensor, record: Tensor, images: int, out: Tensor, first: int) -> None:
    # Triton is there on Linux alone, and takes .3 s to load.
    from stages.batch.device_kernel import launch_kernel  # noqa: PLC0415

    launch_kernel(flat, record_in(record, images), out, first)


def _launch_nothing(flat: Tensor, record: Tensor, images: int, out: Tensor, first: int) -> None:
    """Do as the kernel does to tensors without content: nothing."""


_LIBRARY.impl("render_views", _launch, "CUDA")
_LIBRARY.impl("render_views", _launch, "CPU")
_LIBRARY.impl("render_views", _launch_nothing, "Meta")


def render_flat(
    flat: Tensor, images: PlacedImages, render: RenderSpec, batch: tuple[Tensor, Tensor],
    first: int, side: SideStream,
) -> None:  # fmt: skip
    """Render images of a flat buffer, as work of the side stream, into a part of a batch.

    batch: images (B, 3, S, S), channels last, and targets (B,), filled in from `first` on.
    """
    if not render.kernel:
        side.run(partial(_render_by_torch, flat, images, render, batch, first))
        return
    count = len(images.begins)
    prepared = pinned_empty(record_bytes(count), side.device)
    fill_record(record_in(prepared, count), images, render)
    record = side.empty(len(prepared), dtype=torch.uint8)

    def work() -> None:
        torch.ops.finetrack.render_views(flat, record, count, batch[0], first)
        batch[1][first : first + count].copy_(record_in(record, count).targets)

    side.copy(record, prepared)
    side.run(work)


def _render_by_torch(
    flat: Tensor, images: PlacedImages, render: RenderSpec, batch: tuple[Tensor, Tensor], first: int
) -> None:
    """Render array by array, from the windows that the views read."""
    matrices = images.views.matrices
    windows = visible_windows(matrices, images.sizes, images.factors)
    lengths = 3 * images.sizes.astype(np.int64).prod(axis=1)
    pixels = [
        flat[begin : begin + length].view(height, width, 3)
        for begin, length, (height, width) in zip(
            images.begins.tolist(), lengths.tolist(), images.sizes.tolist(), strict=True
        )
    ]
    part = slice(first, first + len(pixels))
    batch[0][part] = render_batch(
        collate(pixels, windows), images.sizes, images.views, render, windows
    )
    batch[1][part] = torch.as_tensor(images.targets, device=flat.device)


@cache
def kernel_serves(device: torch.device) -> bool:
    """Return whether Triton's kernel renders on a device, which one pixel shows.

    It needs an NVIDIA GPU, Triton, and a C compiler, by which Triton makes what starts a kernel.
    Where it fails, a warning says why; memory that is short is no reason, but the caller's error.
    """
    if device.type != "cuda" or torch.version.hip:
        return False
    try:
        _render_one_pixel(device)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        warnings.warn(
            f"torch renders on {device}, which is slower: no kernel of Triton: {reason}",
            stacklevel=2,
        )
        return False
    return True


def _render_one_pixel(device: torch.device) -> None:
    spec = RenderSpec(size=1, mean=(0, 0, 0), std=(1, 1, 1), device=device, kernel=True)
    images = PlacedImages(
        begins=np.zeros(1, np.int64),
        sizes=np.ones((1, 2), np.int32),
        targets=np.zeros(1, np.int64),
        views=centre_views([(1, 1)]),
        factors=np.ones(1, np.int64),
    )
    pixel = torch.zeros(3, dtype=torch.uint8, device=device)
    out = torch.empty(1, 3, 1, 1, device=device)
    targets = torch.empty(1, dtype=torch.int64, device=device)
    side = side_stream_of(device)
    render_flat(pixel, images, spec, (out, targets), 0, side)
    side.wait(side.mark())
