"""What training does on a GPU: speed, precision, memory, and whether it gives the same bytes.

Everything in one call of under 8 minutes, on generated photos and random weights, without network
or DVC. Parts: speed (images/s of a step: fed from photos, and on one resident batch, in each
precision, without channels-last, compiled), agreement (the precisions against float32 after a few
epochs), exact (two runs, and one that is interrupted and goes on).
Run: python -m benchmarks.gpu [part ...] [--tiny]; --tiny tries the code in a minute on any machine.
The device is FINETRACK_DEVICE, or a GPU where there is one. Results: benchmarks/results/gpu.json,
or with --tiny only what is printed.
"""

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

from benchmarks.generated import Scale, feed_of, model_of, precisions
from benchmarks.measure import figure, machine, ratio, record, timed
from stages.base.environment import workers
from stages.base.ranks import SINGLE_PROCESS
from stages.batch import loader
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.batch.loader import Batch
from stages.store.reader import Store
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import TrainingData, TrainingResult, TrainingTask, fine_tune
from stages.train.param_groups import train_mode, unfreeze
from stages.train.plan import FineTuneParams
from stages.train.step import Trainer, make_trainer

PACKAGES = ["torch", "torchvision", "timm", "numpy", "pillow"]

WHOLE = Scale("resnet50", "resnet18", 1024, 224, 64, 30, 5, 4)
TINY = Scale("test_resnet", "test_resnet", 48, 32, 8, 2, 2, 2)


def trainer_of(scale: Scale, compute: Compute) -> Trainer:
    """Return what trains the whole network."""
    model = model_of(scale.arch, scale.size, compute.device)
    unfreeze(model, train_bn=True)
    train_mode(model, train_bn=True)
    return make_trainer(model, compute, "cross_entropy", 0.0)


def take(trainer: Trainer, batches: Iterator[Batch], steps: int) -> Callable[[], None]:
    """Return the work of so many steps; each waits for its loss, as in training."""
    rates = [1e-4] * 4

    def work() -> None:
        for number, batch in zip(range(steps), batches, strict=False):
            trainer.step(batch, rates, 0.9, number)

    return work


def endless(feed: DataLoaders) -> Iterator[Batch]:
    """Yield the batches of epoch after epoch."""
    return chain.from_iterable(feed.batches(epoch, 0) for epoch in count(1))


def contenders(
    feed: DataLoaders, anew: DataLoaders, scale: Scale
) -> dict[str, tuple[Trainer, Callable[[], Iterator[Batch]]]]:
    """Return trainers, and the batches that each is fed."""
    ways = precisions(feed.look.device)
    half = next(iter(ways))
    resident = next(feed.batches(1, 0))
    found: dict[str, tuple[Trainer, Callable[[], Iterator[Batch]]]] = {
        f"{half}, photos in memory": (trainer_of(scale, ways[half]), lambda: endless(feed)),
        f"{half}, photos decoded anew": (trainer_of(scale, ways[half]), lambda: endless(anew)),
    }
    for name, compute in ways.items():
        still = (trainer_of(scale, compute), lambda: repeat(resident))
        found[f"{name}, one resident batch"] = still
    contiguous = trainer_of(scale, ways[half])
    contiguous.model.to(memory_format=torch.contiguous_format)
    flat = resident._replace(images=resident.images.contiguous())
    found[f"{half}, not channels-last"] = (contiguous, lambda: repeat(flat))
    if feed.look.device.type == "cuda":
        plain = trainer_of(scale, ways[half])
        compiled = replace(plain, forward=torch.compile(plain.model))
        found[f"{half}, compiled"] = (compiled, lambda: repeat(resident))
    return found


def speed(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return images/s of each contender, in turn, and ratios round by round."""
    feed = feed_of(folder, scale)
    budget, loader.MEMORY_BUDGET = loader.MEMORY_BUDGET, 0
    splits = pd.concat([_rows(feed.train.paths, "train"), _rows(feed.valid.paths, "valid")])
    rest = (feed.look, feed.augment, scale.batch, 1, SINGLE_PROCESS, workers())
    anew = open_dataloaders(Store(folder / "store"), splits, ["cat", "dog"], *rest)
    loader.MEMORY_BUDGET = budget
    rates: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    works = {}
    for name, (trainer, batches) in contenders(feed, anew, scale).items():
        works[name] = take(trainer, batches(), scale.steps)
        _forget_peak(feed.look.device)
        works[name]()  # the first round, in which kernels are chosen and compiled, does not count
        memory[f"GB at most, {name}"] = _peak(feed.look.device)
    for _ in range(scale.rounds):
        for name, work in works.items():
            rates.setdefault(name, []).append(scale.steps * scale.batch / timed(work))
    found = {f"images/s, {name}": figure(values) for name, values in rates.items()}
    half = next(iter(precisions(feed.look.device)))
    still = rates[f"{half}, one resident batch"]
    aims = {"photos in memory": "at least .95", "photos decoded anew": "", "not channels-last": ""}
    for name, aim in aims.items():
        key = f"{half}, {name} / one resident batch"
        found[key] = ratio(rates[f"{half}, {name}"], still, aim)
    if f"{half}, compiled" in rates:
        found["compiled / not"] = ratio(rates[f"{half}, compiled"], still)
    found[f"{half} / fp32"] = ratio(still, rates["fp32, one resident batch"], "at least 2")
    return found | memory


def _rows(paths: list[str], side: str) -> pd.DataFrame:
    labels = [path.split("_")[0] for path in paths]
    return pd.DataFrame({"path": paths, "label": labels, "split": side})


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: torch.device) -> float:
    """Return the most memory since then, of all that is held now, in GB; 0 on a processor."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0


def task_of(feed: DataLoaders, scale: Scale, compute: Compute, path: Path) -> TrainingTask:
    """Return a run of the small network, from random weights."""
    params = FineTuneParams(
        epochs=scale.epochs, freeze_epochs=1, base_lr=2e-3, lr_rule="steep", lr_mult=1.0,
        batch_size=scale.batch, precision="auto", train_bn=True, loss="cross_entropy",
        label_smoothing=0.0,
    )  # fmt: skip
    data = TrainingData(feed.batches, feed.steps, feed.held, len(feed.train), feed.valid.targets)
    model = model_of(scale.small, scale.size, compute.device)
    return TrainingTask(model, params, compute, data, Checkpoints(path, {}), 1)


def agreement(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return how far each precision ends from float32: losses, error, differing predictions."""
    feed = feed_of(folder, scale)
    ends: dict[str, TrainingResult] = {}
    for name, compute in precisions(feed.look.device).items():
        task = task_of(feed, scale, compute, folder / name)
        ends[name] = fine_tune(task, 2e-3, lambda line: None)
    exact = ends["fp32"]
    found: dict[str, Any] = {}
    for name, end in ends.items():
        losses = zip(end.epochs, exact.epochs, strict=True)
        differ = end.held.pred_probs.argmax(1) != exact.held.pred_probs.argmax(1)
        found[name] = {
            "error rate": end.epochs[-1].error_rate,
            "training loss": end.epochs[-1].train_loss,
            "largest difference of an epoch's training loss": max(
                abs(a.train_loss - b.train_loss) for a, b in losses
            ),
            "predictions that differ": float(differ.mean()),
        }
    return found


def digest(task: TrainingTask, trained: TrainingResult) -> str:
    """Return one hash of weights, history and predictions."""
    whole = hashlib.sha256(repr(trained.epochs).encode())
    for value in task.model.state_dict().values():
        whole.update(value.cpu().contiguous().numpy().tobytes())
    return whole.update(trained.held.pred_probs.tobytes()) or whole.hexdigest()


def exact(folder: Path, scale: Scale) -> dict[str, Any]:
    """Return, for each precision, whether a second run and an interrupted one end in the same."""
    feed = feed_of(folder, scale)
    found: dict[str, Any] = {}
    for name, compute in precisions(feed.look.device).items():
        ends = []
        for run in ("first", "second", "interrupted"):
            path = folder / f"{name} {run}"
            if run == "interrupted":
                _interrupt(task_of(feed, scale, compute, path), feed)
            task = task_of(feed, scale, compute, path)
            ends.append(digest(task, fine_tune(task, 2e-3, lambda line: None)))
        same = {"second run": ends[1] == ends[0], "interrupted run": ends[2] == ends[0]}
        found[f"{name}: the same bytes"] = same
    return found


def _interrupt(task: TrainingTask, feed: DataLoaders) -> None:
    """Run until the second step of the second epoch, and there be asked to stop."""

    def batches(epoch: int, first: int) -> Iterator[Batch]:
        for step, batch in enumerate(feed.batches(epoch, first), first):
            if (epoch, step) == (2, 1):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    asked = task._replace(data=task.data._replace(batches=batches))
    try:
        fine_tune(asked, 2e-3, lambda line: None)
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
            figures = parts[part](Path(folder), TINY if asked.tiny else WHOLE)
        if asked.tiny:
            print(part, figures)
        else:
            record("gpu", part, about, figures)


if __name__ == "__main__":
    main()
