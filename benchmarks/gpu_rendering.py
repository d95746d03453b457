"""Rendering on a GPU: its time without training, and whether it gives the bits of the processor."""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from typing import Any

import torch

from benchmarks.generated import RehearsedLoaders, Work
from benchmarks.measure import figure, timed
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.batch.image_set import ImageSet
from stages.batch.loader import train_batches
from stages.batch.render_spec import RenderSpec

_COMPARED = 4  # batches


def on_processor(loaders: DataLoaders) -> Iterator[Batch]:
    """Yield the batches of the first epoch as a processor renders them.

    Where numba is missing, as on a bare machine, by Triton's interpreter, which takes seconds for
    a batch and gives the same bits (tests/batch/test_device_kernel.py).
    """
    cpu = torch.device("cpu")
    spec = replace(loaders.render, device=cpu, dtype=torch.float32, kernel=False)
    if find_spec("numba"):
        return train_batches(loaders.train, spec, loaders.augment, loaders.plan, 1)
    return RehearsedLoaders(
        train=_to_decode(loaders.train),
        valid=_to_decode(loaders.valid),
        classes=loaders.classes,
        render=replace(spec, kernel=True),
        augment=loaders.augment,
        plan=loaders.plan,
    ).train_batches(1, 0)


def _to_decode(images: ImageSet) -> ImageSet:
    flat = images.flat and replace(images.flat, buffer=None, begins=None)
    return replace(images, flat=flat)


def agreement_of_bits(loaders: DataLoaders, kernel: bool) -> dict[str, Any]:
    """Return how the first batches differ from those of the processor."""
    spec = replace(loaders.render, kernel=kernel, dtype=torch.float32)
    # To their end before Triton's interpreter runs, which changes its language meanwhile.
    rendered = list(islice(replace(loaders, render=spec).train_batches(1, 0), _COMPARED))
    pairs = list(zip(rendered, on_processor(loaders), strict=False))
    largest = max(float((ours.images.cpu() - theirs.images).abs().max()) for ours, theirs in pairs)
    differ = sum(int((ours.images.cpu() != theirs.images).sum()) for ours, theirs in pairs)
    return {
        "values compared": sum(theirs.images.numel() for _, theirs in pairs),
        "values that differ": differ,
        "largest difference, in standard deviations": largest,
    }


def rendering(work: Work) -> dict[str, Any]:
    """Return the time of a batch without training, and the agreement, by kernel and by torch."""
    scale = work.scale
    loaders = work.loaders()
    few = work.loaders(few=True)
    device = loaders.render.device
    figures: dict[str, Any] = {
        "the kernel serves": loaders.render.kernel,
        "compared with": "numba" if find_spec("numba") else "Triton's interpreter",
    }
    kernels = {"torch": False} | ({"kernel": True} if loaders.render.kernel else {})
    for name, kernel in kernels.items():
        spec = replace(loaders.render, kernel=kernel)

        def epoch(spec: RenderSpec = spec) -> None:
            batches = replace(loaders, render=spec).train_batches(1, 0)
            for _ in islice(batches, scale.steps):
                pass
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        epoch()
        steps = min(scale.steps, loaders.steps)
        seconds = [timed(epoch) / steps for _ in range(scale.rounds)]
        figures[f"ms a batch, {name}"] = figure([1000 * second for second in seconds])
    for name, kernel in kernels.items():
        for key, value in agreement_of_bits(few, kernel).items():
            figures[f"{name} against the processor: {key}"] = value
    return figures
