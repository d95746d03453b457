"""Whether fine_tune, killed at any moment and run again, ends in the same bytes; what that costs.

Parts: kills (20 runs of the stage, each ended at a random moment after its first checkpoint: three
of four by kill -9, the fourth asked by SIGTERM, then run again to its end), cost (the share of the
time that checkpoints take, with the default model on generated photos).
Run: python -m benchmarks.resume [part ...]. Results: benchmarks/results/resume.json.
"""

from stages.base.environment import prepare_process

prepare_process()

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from benchmarks.measure import machine, record, timed
from benchmarks.photos import ROOT, SMALL, fill, picture
from benchmarks.training import prepare, recipe_values, run
from stages.base.params import read_section
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import open_dataloaders
from stages.batch.views import AugmentParams
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import build_classifier
from stages.model.model_params import ModelParams
from stages.store.reader import Store
from stages.train.checkpoint import Checkpoints, CheckpointState
from stages.train.device import open_device
from stages.train.loop import fine_tune
from stages.train.plan import FineTuneParams
from stages.train.recipe import DEEP
from stages.train.training_data import TrainingData, TrainingTask

KILLS = 20
OUTPUTS = ("data/model", "data/predictions.npz", "reports/fine_tune")
TINY = {
    "presize.size": 48, "presize.shards": 2, "augment.size": 32, "model.arch": "test_resnet",
    "model.weights": "none", "fine_tune.base_lr": 0.002, "fine_tune.epochs": 12,
    "fine_tune.freeze_epochs": 4, "fine_tune.batch_size": 8, "datablock.split.valid": 0.3,
}  # fmt: skip
EPOCHS = 8
PACKAGES = ["torch", "safetensors", "numpy"]
STAGE = [sys.executable, "-m", "stages.fine_tune"]
CHECKPOINT = ".finetrack/fine_tune"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def outputs_digest(folder: Path) -> str:
    """Return one hash of all that fine_tune leaves."""
    outputs = [folder / output for output in OUTPUTS]
    files = sorted(file for output in outputs for file in [output, *output.rglob("*")])
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def start_stage(folder: Path) -> tuple[subprocess.Popen[bytes], float]:
    """Start fine_tune; return it once it has saved its first checkpoint, and that time."""
    file = folder / CHECKPOINT
    process = subprocess.Popen(
        STAGE,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not file.exists():
        time.sleep(0.01)
    return process, time.perf_counter()


def seconds_after_checkpoint(folder: Path) -> float:
    """Return the seconds from the first checkpoint of a whole run to its end."""
    process, start = start_stage(folder)
    process.wait()
    return time.perf_counter() - start


def interrupt_and_resume(folder: Path, after: float, by: signal.Signals) -> str:
    """End fine_tune so long after its first checkpoint; return where its next run goes on.

    Nothing, when it had come to its end before, and removed its checkpoint.
    """
    process, _ = start_stage(folder)
    time.sleep(after)
    process.send_signal(by)
    if process.wait() == 0 or not (folder / CHECKPOINT).exists():
        return ""
    done = subprocess.run(
        STAGE, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    resumed = [line for line in done.stdout.splitlines() if line.startswith("Going on")]
    return resumed[0].rpartition(": ")[2] if resumed else "the start"


def kills(work: Path) -> None:
    """End the stage at random moments; count how often it ends in the same bytes."""
    fill(work / "photos", [picture(n, SMALL, 90) for n in range(96)], 96)
    folder = work / "project"
    prepare(folder, work / "photos", TINY)
    run(folder, "lr_find")
    seconds = seconds_after_checkpoint(folder)
    wanted = outputs_digest(folder)
    draw = random.Random(1)
    same = 0
    resumed: list[str] = []
    while len(resumed) < KILLS:
        for output in OUTPUTS:
            path = folder / output
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        by = signal.SIGTERM if len(resumed) % 4 == 3 else signal.SIGKILL
        if place := interrupt_and_resume(folder, draw.uniform(0, seconds), by):
            resumed.append(place)
            same += outputs_digest(folder) == wanted
            print(
                f"{by.name}, next run from {place}: {same} of {len(resumed)} the same", flush=True
            )
        else:
            seconds *= 0.8  # its end came first: the machine is faster now, or the span too long
    endings = {"kills": KILLS, "same bytes": same, "went on from": sorted(resumed)}
    record("resume", "kills", machine(PACKAGES), {"endings": endings})


class TimedCheckpoints(Checkpoints):
    """Checkpoints that count how many there were, and how long they took."""

    count = 0
    seconds = 0.0

    def save(self, make_state: Callable[[], CheckpointState], where: str) -> None:
        """Save, and count."""
        self.seconds += timed(lambda: super(TimedCheckpoints, self).save(make_state, where))
        self.count += 1


def default_task(checkpoints: Checkpoints) -> TrainingTask:
    """Return training as params.yaml has it, on the photos of the folder at hand."""
    augment = read_section("augment", AugmentParams)
    params = read_section("fine_tune", FineTuneParams).model_copy(update={"epochs": EPOCHS})
    splits = read_splits(Path("data/splits.csv"))
    store = Store(Path("data/presized"))
    compute = open_device("cpu", "fp32")
    classes = len(list_class_names(splits))
    model = build_classifier(read_section("model", ModelParams), classes, 1, augment.size)
    render = compute.render_spec(model, augment.size)
    plan = BatchPlan(batch_size=params.batch_size, seed=1)
    data = TrainingData.from_loaders(open_dataloaders(store, splits, 2, render, augment, plan))
    return TrainingTask(model, params, compute, data, checkpoints, 1)


def cost(work: Path) -> None:
    """Train the default model at its default size; record the share that checkpoints take."""
    fill(work / "photos", [picture(n, SMALL, 90) for n in range(480)], 480)
    folder = work / "project"
    prepare(folder, work / "photos", {**recipe_values(DEEP), "datablock.split.by": "stratified"})
    with chdir(folder):
        checkpoints = TimedCheckpoints(folder / CHECKPOINT, {})
        task = default_task(checkpoints)
        seconds = timed(lambda: fine_tune(task, 2e-3, print))
    size = checkpoints.path.stat().st_size
    figures = {
        "share of the time, %": {
            "value": round(100 * checkpoints.seconds / seconds, 2), "target": "at most 2",
            "n": checkpoints.count, "seconds of training": round(seconds),
        },
        "seconds a checkpoint": float(f"{checkpoints.seconds / checkpoints.count:.3g}"),
        "MB a checkpoint": round(size / 1e6, 1),
    }  # fmt: skip
    record("resume", "cost", machine(PACKAGES), figures)


if __name__ == "__main__":
    parts = {"kills": kills, "cost": cost}
    for part in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory() as temporary:
            parts[part](Path(temporary))
