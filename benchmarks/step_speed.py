"""The speed of a training step: loaded from photos or on one resident batch, in each precision."""

from stages.base.environment import prepare_process

prepare_process()

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.generated import Scale, model_of, open_generated, precisions
from benchmarks.measure import figure, ratio, timed
from stages.base.environment import workers
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.batch.image_set import open_image_sets
from stages.batch.memory_budget import MemoryBudget
from stages.dataset.split_files import list_class_names
from stages.store.reader import Store
from stages.train.device import Compute
from stages.train.param_groups import train_mode, unfreeze
from stages.train.step import BegunStep, Trainer, make_trainer


def trainer_of(scale: Scale, compute: Compute) -> Trainer:
    """Return what trains the whole network."""
    model = model_of(scale.arch, scale.size, compute.device)
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


def all_epochs(loaders: DataLoaders) -> Iterator[Batch]:
    """Yield the batches of one epoch after another, without end."""
    return chain.from_iterable(loaders.train_batches(epoch, 0) for epoch in count(1))


def contenders(
    in_memory: DataLoaders, on_demand: DataLoaders, scale: Scale
) -> dict[str, tuple[Trainer, Callable[[], Iterator[Batch]]]]:
    """Return trainers by name, and what gives the batches of each from the first on."""
    computes = precisions(in_memory.render.device)
    half = next(iter(computes))
    resident = next(in_memory.train_batches(1, 0))
    trainers: dict[str, tuple[Trainer, Callable[[], Iterator[Batch]]]] = {
        f"{half}, photos {where}": (trainer_of(scale, computes[half]), partial(all_epochs, loaders))
        for where, loaders in (("in memory", in_memory), ("decoded anew", on_demand))
    }
    for name, compute in computes.items():
        trainers[f"{name}, one resident batch"] = (
            trainer_of(scale, compute),
            partial(repeat, resident),
        )
    contiguous = trainer_of(scale, computes[half])
    contiguous.model.to(memory_format=torch.contiguous_format)
    contiguous_batch = replace(resident, images=resident.images.contiguous())
    trainers[f"{half}, not channels-last"] = (
        contiguous,
        partial(repeat, contiguous_batch),
    )
    if in_memory.render.device.type == "cuda":
        plain = trainer_of(scale, computes[half])
        compiled: Any = torch.compile(plain.model)  # called as the module that it wraps
        trainers[f"{half}, compiled"] = (
            replace(plain, forward=compiled),
            partial(repeat, resident),
        )
    return trainers


def speed(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return images/s of each contender, in turn, and ratios round by round."""
    loaders = open_generated(folder, scale)
    device = loaders.render.device
    splits = pd.concat([_rows(loaders.train.paths, "train"), _rows(loaders.valid.paths, "valid")])
    store = Store(folder / "store")
    names = list_class_names(splits)
    parts = [splits[splits["split"] == side] for side in ("train", "valid")]
    nothing = MemoryBudget(host=0, device=0)
    train, valid = open_image_sets(store, parts, names, workers(), device, nothing)
    on_demand = replace(loaders, train=train, valid=valid)
    rates: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    works: dict[str, Callable[[], None]] = {}
    for name, (trainer, batches) in contenders(loaders, on_demand, scale).items():
        works[name] = steps_on(trainer, batches, scale.steps)
        _forget_peak(device)
        works[name]()  # the first round, in which kernels are chosen and compiled, does not count
        memory[f"GB at most, {name}"] = _peak(device)
    for _ in range(scale.rounds):
        for name, work in works.items():
            rates.setdefault(name, []).append(scale.steps * scale.batch_size / timed(work))
    figures: dict[str, Any] = {
        f"images/s, {name}": figure(values) for name, values in rates.items()
    }
    half = next(iter(precisions(device)))
    resident = rates[f"{half}, one resident batch"]
    aims = {"photos in memory": "at least .95", "photos decoded anew": "", "not channels-last": ""}
    for name, aim in aims.items():
        key = f"{half}, {name} / one resident batch"
        figures[key] = ratio(rates[f"{half}, {name}"], resident, aim)
    if f"{half}, compiled" in rates:
        figures["compiled / not"] = ratio(rates[f"{half}, compiled"], resident)
    figures[f"{half} / fp32"] = ratio(resident, rates["fp32, one resident batch"], "at least 2")
    return figures | memory


def _rows(paths: list[str], side: str) -> pd.DataFrame:
    labels = [path.split("_")[0] for path in paths]
    return pd.DataFrame({"path": paths, "label": labels, "split": side})


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: torch.device) -> float:
    """Return the most memory in use since then, in GB; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
