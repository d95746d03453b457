"""The loader: batches in seeded order, prefetched by threads while the model takes its step."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.base.seed import derive
from stages.batch.batches import Batch, BatchPlan
from stages.batch.image_set import ImageSet
from stages.batch.render_cpu import PreparedViews, prepare_views, render_images
from stages.batch.render_gpu import render_batch, shrink_factors
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams, Views, centre_views, random_views
from stages.batch.windows import collate, visible_windows

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
# The views of a batch, from its rows (B,) and the heights and widths (B, 2) of its images.
_ViewsOf = Callable[[np.ndarray, np.ndarray], Views]


@dataclass(frozen=True, kw_only=True)
class _LoadedBatch:
    """A batch before it is rendered: decoded images and their views."""

    images: list[Tensor]  # B times (H, W, 3) uint8
    sizes: np.ndarray  # (B, 2) heights and widths
    views: Views
    rows: np.ndarray  # (B,)


@dataclass(frozen=True, kw_only=True)
class _PreparedBatch:
    """All that a CPU needs to render a batch at once."""

    images: list[np.ndarray]  # B times (H, W, 3) uint8
    views: PreparedViews
    rows: np.ndarray  # (B,)


def train_batches(
    image_set: ImageSet,
    render: RenderSpec,
    augment: AugmentParams,
    plan: BatchPlan,
    epoch: int,
    first_step: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of one epoch: shuffled, augmented, the incomplete last one left out.

    Order and views depend on the seed, the epoch and the path alone, never on earlier draws; so
    the batches from a step on, and a process's share of each, are those of the whole epoch.
    """

    def views_of(rows: np.ndarray, sizes: np.ndarray) -> Views:
        generators = [derive(plan.seed, "view", epoch, image_set.paths[row]) for row in rows]
        return random_views(sizes, augment, generators)

    batch_rows = plan.epoch_rows(len(image_set), epoch, first_step)
    return _batches(image_set, render, batch_rows, views_of)


def valid_batches(
    image_set: ImageSet, render: RenderSpec, batch_size: int, rank: Rank = SINGLE_PROCESS
) -> Iterator[Batch]:
    """Yield all images in order, or a process's share, each through its centre view."""
    rows = rank.share(np.arange(len(image_set)))
    batch_rows = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    return _batches(image_set, render, batch_rows, lambda _, sizes: centre_views(sizes))


def _batches(
    image_set: ImageSet, render: RenderSpec, batch_rows: list[np.ndarray], views_of: _ViewsOf
) -> Iterator[Batch]:
    """Yield the batch of each array of rows, prefetched.

    For a CPU only decoding and views are prefetched: rendering beside the model's step would take
    the cores that the step wants.
    """

    def load(rows: np.ndarray) -> _LoadedBatch:
        images = [image_set.load_image(int(row)) for row in rows]
        sizes = np.array([image.shape[:2] for image in images])
        return _LoadedBatch(images=images, sizes=sizes, views=views_of(rows, sizes), rows=rows)

    def prepare(rows: np.ndarray) -> _PreparedBatch:
        loaded = load(rows)
        return _PreparedBatch(
            images=[image.numpy() for image in loaded.images],
            views=prepare_views(loaded.views, render.size),
            rows=rows,
        )

    def load_and_render(rows: np.ndarray) -> Batch:
        return _render_on_device(image_set, render, load(rows))

    threads = image_set.prefetch_threads
    if render.device.type == "cpu":
        return _render_on_cpu(image_set, render, prefetch(prepare, batch_rows, threads))
    return prefetch(load_and_render, batch_rows, threads)


def _render_on_cpu(
    image_set: ImageSet, render: RenderSpec, prepared_batches: Iterator[_PreparedBatch]
) -> Iterator[Batch]:
    """Yield rendered batches; the next one is prepared beside the step, and rendered after it."""
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        prepared = next(prepared_batches, None)
        while prepared is not None:
            images = render_images(prepared.images, prepared.views, render, pool, threads)
            rows = prepared.rows
            prepared = next(prepared_batches, None)
            yield Batch(images=images, targets=torch.as_tensor(image_set.targets[rows]), rows=rows)


def _render_on_device(image_set: ImageSet, render: RenderSpec, loaded: _LoadedBatch) -> Batch:
    """Return the batch rendered on the device; only the visible windows are copied there."""
    matrices = loaded.views.matrices
    windows = visible_windows(matrices, loaded.sizes, shrink_factors(matrices, render.size))
    pixels = collate(loaded.images, windows).to(render.device, non_blocking=True)
    return Batch(
        images=render_batch(pixels, loaded.sizes, loaded.views, render, windows),
        targets=torch.as_tensor(image_set.targets[loaded.rows], device=render.device),
        rows=loaded.rows,
    )


def prefetch(
    compute: Callable[[_Item], _Result], items: Iterable[_Item], threads: int = 1
) -> Iterator[_Result]:
    """Yield compute(item) in order, with the next ones (at least two) under way on threads."""
    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            pending.append(pool.submit(compute, item))
            if len(pending) > max(2, threads):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
