"""Batches on a processor: decoded and planned beside the model's step, and rendered after it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from stages.batch.batches import Batch
from stages.batch.image_set import ImageSet
from stages.batch.render_cpu import PreparedViews, prepare_views, render_images
from stages.batch.render_spec import RenderSpec
from stages.batch.view_plan import ViewsOf

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class _PreparedBatch:
    """All that a CPU needs to render a batch at once."""

    images: list[np.ndarray]  # B times (H, W, 3) uint8
    views: PreparedViews
    rows: np.ndarray  # (B,)


def cpu_batches(
    image_set: ImageSet, render: RenderSpec, batch_rows: list[np.ndarray], views_of: ViewsOf
) -> Iterator[Batch]:
    """Yield the batch of each array of rows, rendered by the processor.

    Only decoding and views are prefetched: rendering beside the model's step would take the cores
    that the step wants.
    """

    def prepare(rows: np.ndarray) -> _PreparedBatch:
        images = [image_set.load_image(int(row)).numpy() for row in rows]
        views = views_of(rows, np.array([image.shape[:2] for image in images]))
        return _PreparedBatch(images=images, views=prepare_views(views, render.size), rows=rows)

    return _render_on_cpu(
        image_set, render, prefetch(prepare, batch_rows, image_set.prefetch_threads)
    )


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
