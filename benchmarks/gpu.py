"""What training does on a GPU: speed, precision, memory, and whether it gives the same bytes.

Everything in one call of under 8 minutes, on generated photos and random weights, without network
or DVC. Parts: speed (images/s of a step: loaded from photos, and on one resident batch, in each
precision, without channels-last, compiled), agreement (the precisions against float32 after a few
epochs), exact (two runs, and one that is interrupted and goes on).
Run: python -m benchmarks.gpu [part ...] [--tiny]; --tiny tries the code in a minute on any machine.
The device is FINETRACK_DEVICE, or a GPU where there is one. Results: benchmarks/results/gpu.json,
or with --tiny only what is printed.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import hashlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.generated import Scale, model_of, open_generated, precisions
from benchmarks.measure import figure, machine, ratio, record, timed
from stages.base.environment import workers
from stages.batch import image_set
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.store.reader import Store
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import TrainingResult, TrainingTask, fine_tune
from stages.train.param_groups import train_mode, unfreeze
from stages.train.plan import FineTuneParams
from stages.train.step import Trainer, make_trainer
from stages.train.training_data import TrainingData

PACKAGES = ["torch", "torchvision", "timm", "numpy", "pillow"]

FULL = Scale(
    arch="resnet50", small="resnet18", photos=1024, size=224, batch_size=64,
    steps=30, rounds=5, epochs=4,
)  # fmt: skip
TINY = Scale(
    arch="test_resnet", small="test_resnet", photos=48, size=32, batch_size=8,
    steps=2, rounds=2, epochs=2,
)  # fmt: skip


def trainer_of(scale: Scale, compute: Compute) -> Trainer:
    """Return what trains the whole network."""
    model = model_of(scale.arch, scale.size, compute.device)
    unfreeze(model, train_bn=True)
    train_mode(model, train_bn=True)
    return make_trainer(model, compute, "cross_entropy", 0.0)


def steps_on(trainer: Trainer, batches: Iterator[Batch], steps: int) -> Callable[[], None]:
    """Return the work of so many steps; each waits for its loss, as in training."""
    rates = [1e-4] * 4

    def work() -> None:
        for number, batch in zip(range(steps), batches, strict=False):
            trainer.step(batch, rates, 0.9, number)

    return work


def all_epochs(loaders: DataLoaders) -> Iterator[Batch]:
    """Yield the batches of one epoch after another, without end."""
    return chain.from_iterable(loaders.train_batches(epoch, 0) for epoch in count(1))


def contenders(
    in_memory: DataLoaders, on_demand: DataLoaders, scale: Scale
) -> dict[str, tuple[Trainer, Iterator[Batch]]]:
    """Return trainers by name, and the batches that each takes."""
    computes = precisions(in_memory.render.device)
    half = next(iter(computes))
    resident = next(in_memory.train_batches(1, 0))
    trainers: dict[str, tuple[Trainer, Iterator[Batch]]] = {
        f"{half}, photos in memory": (trainer_of(scale, computes[half]), all_epochs(in_memory)),
        f"{half}, photos decoded anew": (trainer_of(scale, computes[half]), all_epochs(on_demand)),
    }
    for name, compute in computes.items():
        trainers[f"{name}, one resident batch"] = (trainer_of(scale, compute), repeat(resident))
    contiguous = trainer_of(scale, computes[half])
    contiguous.model.to(memory_format=torch.contiguous_format)
    contiguous_batch = replace(resident, images=resident.images.contiguous())
    trainers[f"{half}, not channels-last"] = (contiguous, repeat(contiguous_batch))
    if in_memory.render.device.type == "cuda":
        plain = trainer_of(scale, computes[half])
        compiled: Any = torch.compile(plain.model)  # called as the module that it wraps
        trainers[f"{half}, compiled"] = (replace(plain, forward=compiled), repeat(resident))
    return trainers


def speed(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return images/s of each contender, in turn, and ratios round by round."""
    loaders = open_generated(folder, scale)
    device = loaders.render.device
    budget = image_set.MEMORY_BUDGET
    image_set.MEMORY_BUDGET = 0
    splits = pd.concat([_rows(loaders.train.paths, "train"), _rows(loaders.valid.paths, "valid")])
    store = Store(folder / "store")
    on_demand = open_dataloaders(
        store, splits, loaders.render, loaders.augment, loaders.plan, workers()
    )
    image_set.MEMORY_BUDGET = budget
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


def task_of(loaders: DataLoaders, scale: Scale, compute: Compute, path: Path) -> TrainingTask:
    """Return a run of the small network, from random weights."""
    params = FineTuneParams(
        epochs=scale.epochs, freeze_epochs=1, base_lr=2e-3, lr_rule="steep", lr_mult=1.0,
        batch_size=scale.batch_size, precision="auto", train_bn=True, loss="cross_entropy",
        label_smoothing=0.0,
    )  # fmt: skip
    data = TrainingData.from_loaders(loaders)
    model = model_of(scale.small, scale.size, compute.device)
    return TrainingTask(model, params, compute, data, Checkpoints(path, {}), 1)


def agreement(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return how far each precision ends from float32: losses, error, differing predictions."""
    loaders = open_generated(folder, scale)
    ends: dict[str, TrainingResult] = {}
    for name, compute in precisions(loaders.render.device).items():
        task = task_of(loaders, scale, compute, folder / name)
        ends[name] = fine_tune(task, 2e-3, _silent)
    exact = ends["fp32"]
    differences: dict[str, Any] = {}
    for name, end in ends.items():
        epochs = zip(end.epochs, exact.epochs, strict=True)
        differ = end.validation.pred_probs.argmax(1) != exact.validation.pred_probs.argmax(1)
        differences[name] = {
            "error rate": end.epochs[-1].error_rate,
            "training loss": end.epochs[-1].train_loss,
            "largest difference of an epoch's training loss": max(
                abs(epoch.train_loss - fp32_epoch.train_loss) for epoch, fp32_epoch in epochs
            ),
            "predictions that differ": float(differ.mean()),
        }
    return differences


def result_digest(task: TrainingTask, trained: TrainingResult) -> str:
    """Return one hash of weights, history and predictions."""
    digest = hashlib.sha256(repr(trained.epochs).encode())
    for value in task.model.state_dict().values():
        digest.update(value.cpu().contiguous().numpy().tobytes())
    digest.update(trained.validation.pred_probs.tobytes())
    return digest.hexdigest()


def exact(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return, for each precision, whether a second run and an interrupted one end in the same."""
    loaders = open_generated(folder, scale)
    results: dict[str, Any] = {}
    for name, compute in precisions(loaders.render.device).items():
        ends = []
        for run in ("first", "second", "interrupted"):
            path = folder / f"{name} {run}"
            if run == "interrupted":
                _interrupt(task_of(loaders, scale, compute, path), loaders)
            task = task_of(loaders, scale, compute, path)
            ends.append(result_digest(task, fine_tune(task, 2e-3, _silent)))
        same = {"second run": ends[1] == ends[0], "interrupted run": ends[2] == ends[0]}
        results[f"{name}: the same bytes"] = same
    return results


def _silent(line: str) -> None:
    """Drop a line of the training log."""


def _interrupt(task: TrainingTask, loaders: DataLoaders) -> None:
    """Run until the second step of the second epoch, and there be asked to stop."""

    def batches(epoch: int, first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(loaders.train_batches(epoch, first_step), first_step):
            if (epoch, step) == (2, 1):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    asked = replace(task, data=replace(task.data, train_batches=batches))
    try:
        fine_tune(asked, 2e-3, _silent)
    except KeyboardInterrupt as stop:
        print(stop)
    else:
        raise SystemExit("the run was not interrupted")


def main() -> None:
    """Measure the parts asked for, or all."""
    parts = {"speed": speed, "agreement": agreement, "exact": exact}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(parts), help=", ".join(parts))
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    about = machine(PACKAGES)
    if torch.cuda.is_available():
        about["gpu"] = torch.cuda.get_device_name()
    for part in asked.parts:
        with tempfile.TemporaryDirectory() as folder:
            figures = parts[part](Path(folder), TINY if asked.tiny else FULL)
        if asked.tiny:
            print(part, figures)
        else:
            record("gpu", part, about, figures)


if __name__ == "__main__":
    main()
