"""The loader: batches in seeded order, prefetched by threads while the model takes its step."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.base.seed import derive
from stages.batch.balance import count_turns
from stages.batch.batches import Batch, BatchPlan
from stages.batch.device_loader import device_batches
from stages.batch.flat_images import flat_from_memory
from stages.batch.image_set import ImageSet
from stages.batch.random_draws import view_names, view_numbers
from stages.batch.render_spec import RenderSpec
from stages.batch.side_stream import SideStream
from stages.batch.view_plan import ViewPlan, ViewsOf
from stages.batch.views import AugmentParams, Views, centre_views, drawn_views, random_views


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
    the batches from a step on, and a process's share of each, are those of the whole epoch. Where
    the plan balances classes, an image may come several times, each time in another view.
    """
    rows_drawn = plan.drawn(image_set.targets, epoch)
    turns = count_turns(rows_drawn).tolist()
    balanced = plan.balance != "none"
    drawn = image_set.subset(rows_drawn) if balanced else image_set
    paths = drawn.paths
    batch_rows = plan.epoch_rows(len(drawn), epoch, first_step)

    def views_of(rows: np.ndarray, sizes: np.ndarray) -> Views:
        names = [view_names(epoch, paths[row], turns[row]) for row in rows]
        return random_views(sizes, augment, [derive(plan.seed, *name) for name in names])

    def views_of_many(rows: np.ndarray, sizes: np.ndarray) -> Views:
        turns_of = [turns[row] for row in rows]
        numbers = view_numbers(plan.seed, epoch, [paths[row] for row in rows], turns_of)
        return drawn_views(sizes, augment, numbers)

    if render.device.type == "cpu":
        batches = _on_cpu(drawn, render, batch_rows, views_of)
    else:
        batches = batches_on_device(drawn, render, batch_rows, views_of_many)
    if not balanced:
        return batches
    return (replace(batch, rows=rows_drawn[batch.rows]) for batch in batches)


def valid_batches(
    image_set: ImageSet, render: RenderSpec, batch_size: int, rank: Rank = SINGLE_PROCESS
) -> Iterator[Batch]:
    """Yield all images in order, or a process's share, each through its centre view."""
    rows = rank.share(np.arange(len(image_set)))
    batch_rows = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]

    def views_of(_: np.ndarray, sizes: np.ndarray) -> Views:
        return centre_views(sizes)

    if render.device.type == "cpu":
        return _on_cpu(image_set, render, batch_rows, views_of)
    return batches_on_device(image_set, render, batch_rows, views_of)


def batches_on_device(
    image_set: ImageSet,
    render: RenderSpec,
    batch_rows: list[np.ndarray],
    views_of: ViewsOf,
    side: SideStream | None = None,
) -> Iterator[Batch]:
    """Yield the batch of each array of rows, rendered on the device beside the model's step."""
    flat = image_set.flat
    if flat is None:
        flat = flat_from_memory([image_set.load_image(row) for row in range(len(image_set))])
    sizes = flat.sizes
    plan = ViewPlan(batch_rows, lambda rows: views_of(rows, sizes[rows]), render.size)
    return device_batches(flat, image_set.targets, render, batch_rows, plan, side)


def _on_cpu(
    image_set: ImageSet, render: RenderSpec, batch_rows: list[np.ndarray], views_of: ViewsOf
) -> Iterator[Batch]:
    """Yield the batch of each array of rows, rendered by the processor."""
    # It needs numba, 60 MB, which a machine with a GPU may not have.
    from stages.batch.cpu_loader import cpu_batches  # noqa: PLC0415

    return cpu_batches(image_set, render, batch_rows, views_of)
