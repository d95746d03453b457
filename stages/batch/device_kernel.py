"""The render kernel of a GPU: from decoded photos to the model's input in one pass, by Triton.

Position, reflection padding, box average, bilinear weights, lighting and normalisation of every
pixel, as render_kernel.py has them for a processor and to the same bits: positions in float64,
weights in the same fixed point, the lookup table of lighting, no fused multiply-add. Images of any
size and of any shrink factor share a launch. A batch of 64 photographs of 613 x 460 to 224 is read
and written once, some 70 MB; array by array, as render_gpu.py does it, it was 3 GB in 161 kernels.

Only a GPU that Triton serves imports this module; on a processor its interpreter runs the kernel,
slowly, for tests.
"""

from functools import cache
from typing import Any

import triton
import triton.language as tl
from torch import Tensor
from triton.runtime.interpreter import InterpretedFunction

from stages.batch.lighting_table import WEIGHT_ONE
from stages.batch.view_record import ViewRecord

# Output pixels of a program, and its warps: at most 59 registers a thread on sm_75 to sm_120, none
# spilled, so that a multiprocessor holds 8 programs.
_BLOCK = 256
_WARPS = 4
# The interpreter takes nearly the same time for a program of any length.
_INTERPRETED_BLOCK = 1 << 14


def _render_pixels(  # noqa: PLR0913, PLR0917 - a kernel takes a pointer for each array
    flat: tl.tensor, begins: tl.tensor, sizes: tl.tensor, factors: tl.tensor, matrices: tl.tensor,
    scales: tl.tensor, tables: tl.tensor, normalisation: tl.tensor, out: tl.tensor,
    first: tl.tensor, LEVELS: tl.constexpr, SIZE: tl.constexpr, BLOCK: tl.constexpr,  # noqa: N803
    ONE: tl.constexpr,  # noqa: N803
) -> None:  # fmt: skip
    """Fill BLOCK pixels of the image out[first + b]; the others are the fields of ViewRecord."""
    b = tl.program_id(0)
    place = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = place < SIZE * SIZE
    factor = tl.load(factors + b)
    stride = tl.load(sizes + 2 * b + 1) * 3
    height = tl.load(sizes + 2 * b) // factor  # in cells, as is the width
    width = tl.load(sizes + 2 * b + 1) // factor
    m = matrices + b * 9
    along = (2 * (place % SIZE) + 1).to(tl.float64) / SIZE - 1.0
    down = (2 * (place // SIZE) + 1).to(tl.float64) / SIZE - 1.0
    depth = tl.load(m + 6) * along + tl.load(m + 7) * down + tl.load(m + 8)
    x = (tl.load(m + 0) * along + tl.load(m + 1) * down + tl.load(m + 2)) / depth
    y = (tl.load(m + 3) * along + tl.load(m + 4) * down + tl.load(m + 5)) / depth
    w = width.to(tl.float64)
    h = height.to(tl.float64)
    x = tl.minimum(tl.maximum(w - tl.abs(tl.abs(x) - w), 0.5), w - 0.5) - 0.5
    y = tl.minimum(tl.maximum(h - tl.abs(tl.abs(y) - h), 0.5), h - 0.5) - 0.5
    left = tl.minimum(x.to(tl.int32), tl.maximum(width - 2, 0))
    top = tl.minimum(y.to(tl.int32), tl.maximum(height - 2, 0))
    p = (x - left.to(tl.float64)).to(tl.float32)
    q = (y - top.to(tl.float64)).to(tl.float32)
    top_right = (ONE * p * (1.0 - q)).to(tl.int32)
    bottom_left = (ONE * (1.0 - p) * q).to(tl.int32)
    bottom_right = (ONE * p * q).to(tl.int32)
    top_left = ONE - top_right - bottom_left - bottom_right
    right = (width > 1).to(tl.int32) * factor * 3
    below = (height > 1).to(tl.int32) * factor * stride
    corner = flat + tl.load(begins + b) + (top * stride + left * 3) * factor
    table = tables + b.to(tl.int64) * LEVELS
    target = out + ((first + b).to(tl.int64) * (SIZE * SIZE) + place) * 3
    for channel in tl.static_range(3):
        total = tl.full((BLOCK,), 0, tl.int64)
        for i in range(factor):
            for j in range(factor):
                at = corner + (i * stride + j * 3 + channel)
                total += tl.load(at, inside, 0).to(tl.int64) * top_left
                total += tl.load(at + right, inside, 0).to(tl.int64) * top_right
                total += tl.load(at + below, inside, 0).to(tl.int64) * bottom_left
                total += tl.load(at + below + right, inside, 0).to(tl.int64) * bottom_right
        level = total.to(tl.float32) * tl.load(scales + b)
        step = level.to(tl.int32)
        value = tl.load(table + step, inside, 0.0)
        value += (tl.load(table + step + 1, inside, 0.0) - value) * (level - step.to(tl.float32))
        value = value * tl.load(normalisation + channel) + tl.load(normalisation + 3 + channel)
        tl.store(target + channel, value, inside)


@cache
def render_program(interpreted: bool) -> Any:
    """Return the kernel for a GPU, or for Triton's interpreter."""
    if interpreted:
        return InterpretedFunction(_render_pixels)
    # Batches of any size, and images at any place, share the compiled code.
    return triton.JITFunction(
        _render_pixels,
        do_not_specialize=["first"],
        do_not_specialize_on_alignment=["flat", "out"],
    )


def launch_kernel(flat: Tensor, record: ViewRecord, out: Tensor, first: int) -> None:
    """Render the images of a record into out[first:].

    flat: uint8 on the device, which holds their pixels; out: (B', 3, S, S), channels last.
    """
    interpreted = flat.device.type == "cpu"
    block = _INTERPRETED_BLOCK if interpreted else _BLOCK
    size = out.shape[-1]
    grid = (len(record.begins), triton.cdiv(size * size, block))
    # No fused multiply-add: it rounds once where the processor's code rounds twice.
    render_program(interpreted)[grid](
        flat, record.begins, record.sizes, record.factors, record.matrices, record.scales,
        record.tables, record.normalisation, out, first,
        LEVELS=record.tables.shape[1], SIZE=size, BLOCK=block, ONE=WEIGHT_ONE,
        num_warps=_WARPS, enable_fp_fusion=False,
    )  # fmt: skip
