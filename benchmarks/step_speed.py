"""The speed of training: fine_tune's own epoch against one batch that stays on the GPU."""

from stages.base.environment import prepare_process

prepare_process()

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import torch

from benchmarks.generated import Work, model_of, precisions, rendered_as, task_of
from benchmarks.measure import figure, ratio, timed
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.train.compiled import compile_where_asked
from stages.train.device import Compute, choose_kernels
from stages.train.loop import fine_tune
from stages.train.param_groups import train_mode, unfreeze
from stages.train.step import BegunStep, Trainer, make_trainer

# Of a first phase, in which kernels are chosen and memory is taken; it does not count.
_WARM_UP = 0.1
_SPEED = re.compile(r"\((\d+) images/s, ([\d.]+)% of it waiting")


def trainer_of(arch: str, size: int, compute: Compute) -> Trainer:
    """Return what trains the whole of a network."""
    model = model_of(arch, size, compute.device)
    unfreeze(model, train_bn=True, frozen_share=0)
    train_mode(model, train_bn=True)
    return make_trainer(model, compute, "cross_entropy", 0.0)


def steps_on(
    trainer: Trainer, batches: Callable[[], Iterator[Batch]], steps: int
) -> Callable[[], None]:
    """Return the work of so many steps on batches that begin anew.

    The loss of each is looked at as in training: on a GPU while the next step runs.
    """
    rates = [1e-4] * 4
    late = trainer.compute.steps_late

    def work() -> None:
        begun: deque[BegunStep] = deque()
        for number, batch in zip(range(steps), batches(), strict=False):
            begun.append(trainer.begin_step(batch, rates, 0.9, number))
            if len(begun) > late:
                begun.popleft().result()
        for step in begun:
            step.result()

    return work


def images_per_second(
    trainer: Trainer, batch: Batch, steps: int, rounds: int, warm_up: int = 10
) -> list[float]:
    """Return the speed of so many steps on one batch, each round from a fresh iterator."""
    steps_on(trainer, partial(repeat, batch), warm_up)()
    work = steps_on(trainer, partial(repeat, batch), steps)
    return [steps * len(batch.rows) / timed(work) for _ in range(rounds)]


def own_epoch(
    loaders: DataLoaders, arch: str, compute: Compute, scratch: Path
) -> tuple[float, float]:
    """Return images/s of an epoch of fine_tune, and the share of it that waits, by its own line."""
    lines: list[str] = []
    name = f"{arch} {compute.dtype}".replace("/", " ")
    task = task_of(loaders, arch, compute, scratch / name, (_WARM_UP, 1.0))
    fine_tune(task, 1e-4, lines.append)
    found = _SPEED.search(lines[-1])
    if found is None:
        raise SystemExit(f"no speed in what training prints: {lines[-1]}")
    return float(found[1]), float(found[2]) / 100


@contextmanager
def any_kernels() -> Iterator[None]:
    """Choose kernels as FINETRACK_KERNELS=any does."""
    choose_kernels("any")
    try:
        yield
    finally:
        choose_kernels("same")


def speed_of(work: Work, arch: str, size: int | None = None) -> dict[str, Any]:
    """Return the speed of a network in each precision: its own epoch, the limit, and their ratio.

    The half precision that comes first is also measured without what makes two runs the same.
    """
    scale = work.scale
    loaders = work.loaders(size)
    figures: dict[str, Any] = {"steps of an epoch": loaders.steps}
    limits: dict[str, list[float]] = {}
    for name, compute in precisions(loaders.render.device).items():
        rendered = rendered_as(loaders, compute)
        trainer = trainer_of(arch, loaders.render.size, compute)
        batch = next(rendered.train_batches(1, 0))
        limits[name] = images_per_second(trainer, batch, scale.steps, scale.rounds)
        if len(limits) == 1:
            with any_kernels():
                free = images_per_second(trainer, batch, scale.steps, scale.rounds)
            figures[f"images/s, {name}, one resident batch, any kernels"] = figure(free)
            figures["speed of the same bytes / any kernels"] = ratio(limits[name], free)
        own, waiting = own_epoch(rendered, arch, compute, work.scratch)
        figures[f"images/s, {name}, one resident batch"] = figure(limits[name])
        figures[f"images/s, {name}, fine_tune's own epoch"] = own
        figures[f"share waiting, {name}"] = waiting
        figures[f"{name}, own epoch / resident batch"] = figure(
            [own / limit for limit in limits[name]], "at least .97"
        )
    half = next(iter(limits))
    figures[f"{half} / fp32"] = ratio(limits[half], limits["fp32"], "at least 2")
    return figures


def streamed(work: Work, arch: str) -> dict[str, Any]:
    """Return the speed, in half precision, of an epoch whose photos are decoded for every batch.

    Beside it stands what channels-last brings.
    """
    scale = work.scale
    loaders = work.loaders(anew=True)
    name, compute = next(iter(precisions(loaders.render.device).items()))
    rendered = rendered_as(loaders, compute)
    trainer = trainer_of(arch, loaders.render.size, compute)
    batch = next(rendered.train_batches(1, 0))
    limit = images_per_second(trainer, batch, scale.steps, scale.rounds)
    own, waiting = own_epoch(rendered, arch, compute, work.scratch)
    trainer.model.to(memory_format=torch.contiguous_format)
    plain = replace(batch, images=batch.images.contiguous())
    contiguous = images_per_second(trainer, plain, scale.steps, scale.rounds)
    return {
        f"images/s, {name}, photos decoded anew": own,
        "share waiting, photos decoded anew": waiting,
        f"{name}, photos decoded anew / resident batch": figure(
            [own / speed for speed in limit], "at least .95 with 16 threads"
        ),
        f"{name}, not channels-last / channels-last": ratio(contiguous, limit),
    }


def compiled(work: Work, arch: str) -> dict[str, Any]:
    """Return the speed of a resident batch with compiled kernels, beside the one without."""
    scale = work.scale
    loaders = work.loaders()
    name, compute = next(iter(precisions(loaders.render.device).items()))
    trainer = trainer_of(arch, loaders.render.size, compute)
    batch = next(rendered_as(loaders, compute).train_batches(1, 0))
    plain = images_per_second(trainer, batch, scale.steps, scale.rounds)
    faster = compile_where_asked(replace(trainer, compute=replace(compute, kernels="compiled")))
    first = timed(steps_on(faster, partial(repeat, batch), 1))
    rates = images_per_second(faster, batch, scale.steps, scale.rounds)
    return {
        f"images/s, {name}, compiled": figure(rates),
        "compiled / not": ratio(rates, plain),
        "seconds of the first step": first,
    }
