"""The most memory that training of a network takes, in a process of its own for each figure."""

from stages.base.environment import prepare_process

prepare_process()

import resource
from functools import partial
from itertools import repeat
from typing import Any

import torch

from benchmarks.generated import Work, precisions, rendered_as
from benchmarks.step_speed import steps_on, trainer_of


def memory_of(work: Work, arch: str, precision: str) -> dict[str, Any]:
    """Return the most GB of a few steps: in tensors, set aside by torch, and of the processor."""
    loaders = work.loaders(few=True)
    device = loaders.render.device
    computes = precisions(device)
    compute = computes.get(precision) or computes["bf16"]
    trainer = trainer_of(arch, loaders.render.size, compute)
    batch = next(rendered_as(loaders, compute).train_batches(1, 0))
    steps_on(trainer, partial(repeat, batch), min(10, work.scale.steps))()
    figures: dict[str, Any] = {"images a step": work.scale.batch_size}
    figures["GB of the processor's memory"] = _gigabytes(
        1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    if device.type == "cuda":
        figures["GB in tensors"] = _gigabytes(torch.cuda.max_memory_allocated(device))
        figures["GB set aside"] = _gigabytes(torch.cuda.max_memory_reserved(device))
        free, total = torch.cuda.mem_get_info(device)
        figures["GB of the GPU in use, its context and other processes too"] = _gigabytes(
            total - free
        )
    return figures


def _gigabytes(count: int) -> float:
    return round(count / 1e9, 3)
