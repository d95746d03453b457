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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.generated import Scale, model_of, open_generated, precisions
from benchmarks.measure import machine, record
from benchmarks.step_speed import speed
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import fine_tune
from stages.train.plan import FineTuneParams
from stages.train.result import TrainingResult
from stages.train.training_data import TrainingData, TrainingTask

PACKAGES = ["torch", "torchvision", "timm", "numpy", "pillow"]

FULL = Scale(
    arch="resnet50", small="resnet18", photos=1024, size=224, batch_size=64,
    steps=30, rounds=5, epochs=4,
)  # fmt: skip
TINY = Scale(
    arch="test_resnet", small="test_resnet", photos=48, size=32, batch_size=8,
    steps=2, rounds=2, epochs=2,
)  # fmt: skip


def task_of(loaders: DataLoaders, scale: Scale, compute: Compute, path: Path) -> TrainingTask:
    """Return a run of the small network, from random weights."""
    params = FineTuneParams(
        images_seen="auto",
        epochs=scale.epochs, freeze_epochs=1, base_lr=2e-3, lr_rule="steep", lr_mult=1.0,
        batch_size=scale.batch_size, precision="auto", train_bn=True, loss="cross_entropy",
        accumulate=1,
        label_smoothing=0.0, start="zero", trained_share=1.0, trial=False, frozen_share=0.0,
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
