"""Rendering on a GPU: its time without training, and whether it gives the bits of the processor."""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.generated import Scale, open_generated
from benchmarks.measure import figure, timed
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.batch.image_set import ImageSet
from stages.batch.loader import batches_on_device, train_batches
from stages.batch.random_draws import view_numbers
from stages.batch.render_spec import RenderSpec
from stages.batch.views import Views, drawn_views

_COMPARED = 8  # batches


def on_device(loaders: DataLoaders, images: ImageSet, spec: RenderSpec) -> Iterator[Batch]:
    """Yield the batches of the first epoch by the path of a GPU, whatever the device is."""
    plan = loaders.plan

    def views_of(rows: np.ndarray, sizes: np.ndarray) -> Views:
        numbers = view_numbers(plan.seed, 1, [images.paths[row] for row in rows])
        return drawn_views(sizes, loaders.augment, numbers)

    return batches_on_device(images, spec, plan.epoch_rows(len(images), 1), views_of)


def agreement_of_bits(loaders: DataLoaders, kernel: bool) -> dict[str, Any]:
    """Return how the first batches differ from those of the processor."""
    on_cpu = replace(loaders.render, device=torch.device("cpu"), dtype=torch.float32)
    spec = replace(loaders.render, kernel=kernel, dtype=torch.float32)
    expected = train_batches(loaders.train, on_cpu, loaders.augment, loaders.plan, 1)
    pairs = list(
        islice(zip(on_device(loaders, loaders.train, spec), expected, strict=False), _COMPARED)
    )
    largest = max(float((ours.images.cpu() - theirs.images).abs().max()) for ours, theirs in pairs)
    differ = sum(int((ours.images.cpu() != theirs.images).sum()) for ours, theirs in pairs)
    return {
        "values compared": sum(theirs.images.numel() for _, theirs in pairs),
        "values that differ": differ,
        "largest difference, in standard deviations": largest,
    }


def rendering(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return the time of a batch without training, and the agreement, by kernel and by torch."""
    loaders = open_generated(folder, scale)
    device = loaders.render.device
    figures: dict[str, Any] = {"the kernel serves": loaders.render.kernel}
    kernels = {"torch": False} | ({"kernel": True} if loaders.render.kernel else {})
    for name, kernel in kernels.items():
        spec = replace(loaders.render, kernel=kernel)

        def epoch(spec: RenderSpec = spec) -> None:
            for _ in on_device(loaders, loaders.train, spec):
                pass
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        epoch()
        seconds = [timed(epoch) / loaders.steps for _ in range(scale.rounds)]
        figures[f"ms a batch, {name}"] = figure([1000 * second for second in seconds])
        for key, value in agreement_of_bits(loaders, kernel).items():
            figures[f"{name} against the processor: {key}"] = value
    return figures
