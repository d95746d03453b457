"""What each of two processes runs in test_distributed: they train one model together."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stages.base.ranks import Rank, this_rank
from stages.batch.batches import Batch
from stages.model.classifier import Classifier, ConcatPool
from stages.train.checkpoint import Checkpoints, CheckpointState
from stages.train.device import Compute
from stages.train.distributed import process_group
from stages.train.infer import predict_batches
from stages.train.loop import fine_tune
from stages.train.lr_find_params import LrFindParams
from stages.train.lr_range import sweep
from stages.train.param_groups import unfreeze
from stages.train.result import TrainingResult
from stages.train.step import make_trainer
from stages.train.training_data import TrainingData, TrainingTask
from tests.train.tiny_training import changed_params, tiny_batches

BATCH_SIZE = 8
STEPS = 6


def deterministic_model(batch_norm: bool) -> Classifier:
    """Return a model without dropout, and without batch norm unless asked: these see the batch."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, 8, 3, padding=1)
    second = nn.Conv2d(8, 8, 3, padding=1)
    norm = nn.BatchNorm2d(8) if batch_norm else nn.Identity()
    backbone = nn.Sequential(first, norm, nn.ReLU(), second)
    head = nn.Sequential(ConcatPool(), nn.Linear(16, 3))
    return Classifier(backbone, head, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def share_batches(batches: list[Batch], rank: Rank) -> list[Batch]:
    """Return a process's share of each batch."""
    shares = []
    for batch in batches:
        places = rank.share(np.arange(len(batch.rows)))
        images = batch.images[places]
        shares.append(Batch(images=images, targets=batch.targets[places], rows=batch.rows[places]))
    return shares


def valid_set() -> list[Batch]:
    """Return the images of validation, which cannot be shared evenly."""
    return tiny_batches(1, 7, seed=9)


def shared_task(folder: Path, batch_norm: bool, accumulate: int = 1) -> TrainingTask:
    """Return the run, as one process or as one of several, its steps in so many parts."""
    rank = this_rank()
    train_batches = tiny_batches(STEPS, BATCH_SIZE)
    valid_batches = valid_set()
    data = TrainingData(
        train_batches=lambda epoch, first_step: share_batches(train_batches, rank)[first_step:],
        steps=STEPS,
        valid_batches=lambda: share_batches(valid_batches, rank),
        train_images=STEPS * BATCH_SIZE,
        valid_targets=valid_batches[0].targets.numpy(),
    )
    return TrainingTask(
        deterministic_model(batch_norm),
        changed_params(batch_size=BATCH_SIZE, accumulate=accumulate),
        Compute(torch.device("cpu"), torch.float32, rank),
        data,
        Checkpoints(folder / "checkpoint", {}),
        seed=1,
    )


def train(folder: Path, batch_norm: bool = False, accumulate: int = 1) -> None:
    """Train; each process writes its weights, and what training gave it, to a file."""
    task = shared_task(folder, batch_norm, accumulate)
    with process_group(task.compute):
        result = fine_tune(task, 0.02, lambda line: None)
    write_results(folder, task, result)


def find_curve(folder: Path) -> None:
    """Sweep the rate; each process writes the losses of its curve."""
    task = shared_task(folder, batch_norm=False)
    unfreeze(task.model, train_bn=True, frozen_share=0)
    params = LrFindParams(steps=40, start=1e-4, end=1000.0)
    batches = cycle(share_batches(tiny_batches(STEPS, BATCH_SIZE), task.compute.rank))
    with process_group(task.compute):
        trainer = make_trainer(task.model, task.compute, "cross_entropy", 0.0)
        points = sweep(trainer, True, batches, params, task.seed)
    losses = np.array([point.loss for point in points])
    np.savez(result_file(folder, task.compute.rank), losses=losses)


def write_results(folder: Path, task: TrainingTask, result: TrainingResult) -> None:
    """Write what a process has at the end: its weights, and what training gave it."""
    arrays = {name: value.numpy() for name, value in task.model.state_dict().items()}
    arrays["margins"] = result.margins
    arrays["valid_pred_probs"] = result.validation.pred_probs
    # What the process's own model gives for all images, not for its share alone.
    whole = predict_batches(task.model, valid_set(), task.compute, "cross_entropy")
    arrays["whole_pred_probs"] = whole.pred_probs
    arrays["train_losses"] = np.array([row.train_loss for row in result.epochs])
    arrays["valid_losses"] = np.array([row.valid_loss for row in result.epochs])
    np.savez(result_file(folder, task.compute.rank), **arrays)


def result_file(folder: Path, rank: Rank) -> Path:
    """Return the file that a process of a run writes."""
    return folder / f"{rank.count} processes, rank {rank.number}.npz"


class SlowCheckpoints(Checkpoints):
    """A checkpoint file on a disk that takes its time."""

    seconds = 0.0

    def save(self, make_state: Callable[[], CheckpointState], where: str) -> None:
        """Save so many seconds later."""
        time.sleep(self.seconds)
        super().save(make_state, where)


def train_and_signal(
    folder: Path, rank: int, number: signal.Signals, seconds: float = 0, parent: bool = False
) -> None:
    """Train, but one process sends itself a signal in the middle of the second epoch.

    seconds: that a checkpoint takes; parent: whether the signal goes to what started the process.
    A process that is asked to stop keeps a copy of the checkpoint as it is then.
    """
    task = shared_task(folder, batch_norm=False)
    slow = SlowCheckpoints(task.checkpoints.path, {})
    slow.seconds = seconds

    def batches(epoch: int, first_step: int) -> Iterator[Batch]:
        shares = task.data.train_batches(epoch, first_step)
        for step, batch in enumerate(shares, first_step):
            if (epoch, step, task.compute.rank.number) == (2, 3, rank):
                os.kill(os.getppid() if parent else os.getpid(), number)
                time.sleep(parent)  # until all processes have it
            yield batch

    data = replace(task.data, train_batches=batches)
    with process_group(task.compute):
        try:
            fine_tune(replace(task, data=data, checkpoints=slow), 0.02, lambda line: None)
        except KeyboardInterrupt:
            shutil.copy(slow.path, seen_checkpoint(folder, task.compute.rank.number))
            raise


def seen_checkpoint(folder: Path, rank: int) -> Path:
    """Return the copy of the checkpoint that a process kept when it stopped."""
    return folder / f"checkpoint that rank {rank} saw"


class EagerCheckpoints(Checkpoints):
    """A checkpoint file that is written after every step."""

    def due(self, epoch_ends: bool) -> bool:
        """Return that it is time."""
        return True


def train_and_die_once(folder: Path, rank: int, batch_norm: bool) -> None:
    """Train, but the first time a process is killed in the middle of the second epoch."""
    task = shared_task(folder, batch_norm)
    died = folder / "died"

    def batches(epoch: int, first_step: int) -> Iterator[Batch]:
        shares = task.data.train_batches(epoch, first_step)
        for step, batch in enumerate(shares, first_step):
            if (epoch, step, task.compute.rank.number) == (2, 3, rank) and not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    def log(line: str) -> None:
        with (folder / "log").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    data = replace(task.data, train_batches=batches)
    checkpoints = EagerCheckpoints(task.checkpoints.path, {})
    dying = replace(task, data=data, checkpoints=checkpoints)
    with process_group(task.compute):
        result = fine_tune(dying, 0.02, log)
    write_results(folder, task, result)


def fail_in_second(folder: Path, error: Exception) -> None:
    """Fail in the second process; each attempt leaves a line."""
    if this_rank().number == 1:
        with (folder / "attempts").open("a", encoding="utf-8") as file:
            file.write("attempt\n")
        raise error
    train(folder)
