"""Rendering a batch on a CPU: the threads of a pool render its images, one each at a time.

The same as render_gpu.render_batch, reflection padding included, which works on a batch array by
array, as suits a GPU. A CPU would carry every array through memory: 24 photographs of 613 x 460 to
224 took 36 ms on two cores that way, and take 10 ms with the compiled code of render_kernel.py.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.batch.lighting_table import WEIGHT_ONE, lighting_table
from stages.batch.render_gpu import shrink_factors
from stages.batch.render_kernel import load_compiled_code, render_view
from stages.batch.render_spec import RenderSpec
from stages.batch.views import Views


@dataclass(frozen=True, kw_only=True)
class PreparedViews:
    """The views of B images as the compiled code takes them."""

    matrices: NDArray[np.float64]  # (B, 3, 3)
    factors: NDArray[np.int64]  # (B,) whole shrink factors
    lighting_tables: Sequence[NDArray[np.float32]]  # B times what lighting_table returns


def render_images(
    images: Sequence[NDArray[np.uint8]],
    prepared: PreparedViews,
    render: RenderSpec,
    pool: Executor,
    threads: int,
) -> Tensor:
    """Return images, each (H, W, 3) uint8 and contiguous, as the model takes them.

    Returns (B, 3, S, S) float32, normalised, channels last. The work is shared by this thread and
    threads - 1 of the pool.
    """
    load_compiled_code()
    matrices = prepared.matrices
    factors = prepared.factors
    tables = prepared.lighting_tables
    normalisation = render.scale_and_shift()
    out = np.empty((len(images), render.size, render.size, 3), np.float32)

    def render_share(first: int) -> None:
        for i in range(first, len(images), threads):
            render_view(
                images[i], matrices[i], factors[i], tables[i], normalisation, WEIGHT_ONE, out[i]
            )

    other_shares = pool.map(render_share, range(1, threads))
    render_share(0)  # by the caller, who would only wait
    list(other_shares)
    return torch.from_numpy(out).permute(0, 3, 1, 2)


def prepare_views(views: Views, size: int) -> PreparedViews:
    """Return the views for the compiled code; done beside the model's step, which costs no time."""
    lit = views.lighting
    of_images = zip(lit.gain.tolist(), lit.brightness.tolist(), lit.contrast.tolist(), strict=True)
    return PreparedViews(
        matrices=views.matrices,
        factors=shrink_factors(views.matrices, size),
        lighting_tables=[lighting_table(*of_image) for of_image in of_images],
    )
