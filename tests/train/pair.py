"""What two processes do in test_together: they train one model, and the first keeps what it is."""

import os
import signal
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stages.base.ranks import Rank, this_rank
from stages.model.classifier import Classifier, ConcatPool
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import TrainingData, TrainingTask, fine_tune
from stages.train.plan import FineTuneParams
from tests.train.tiny import GOOD, Shown, tiny_batches

CPU = torch.device("cpu")
SIZE = 8


def plain_model(norms: bool) -> Classifier:
    """Return a model without dropout, and without batch norm unless asked: these see its batch."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
    body = nn.Sequential(first, nn.BatchNorm2d(8) if norms else nn.Identity(), nn.ReLU(), second)
    head = nn.Sequential(ConcatPool(), nn.Linear(16, 3))
    return Classifier(body, head, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def shared(batches: list[Shown], rank: Rank) -> list[Shown]:
    """Return a process's share of each batch."""
    places = [rank.share(np.arange(len(batch.rows))) for batch in batches]
    return [
        Shown(batch.images[at], batch.targets[at], batch.rows[at])
        for batch, at in zip(batches, places, strict=True)
    ]


def task(folder: Path, norms: bool) -> TrainingTask:
    """Return the run, as one process or as one of several."""
    rank = this_rank()
    batches, held = tiny_batches(6, SIZE), tiny_batches(1, 7, seed=9)
    data = TrainingData(
        lambda epoch, first: shared(batches, rank)[first:],
        len(batches),
        lambda: shared(held, rank),
        6 * SIZE,
        held[0].targets.numpy(),
    )
    params = FineTuneParams(**{**GOOD, "batch_size": SIZE})
    kept = Checkpoints(folder / "checkpoint", {})
    return TrainingTask(
        plain_model(norms), params, Compute(CPU, torch.float32, rank), data, kept, seed=1
    )


def train(folder: Path, norms: bool = False) -> None:
    """Train; each process writes what it has in the end."""
    run = task(folder, norms)
    trained = fine_tune(run, 0.02, lambda line: None)
    arrays = {name: value.numpy() for name, value in run.model.state_dict().items()}
    arrays |= {"margins": trained.margins, "held": trained.held.pred_probs}
    arrays["losses"] = np.array([epoch.train_loss for epoch in trained.epochs])
    arrays["valid"] = np.array([epoch.valid_loss for epoch in trained.epochs])
    np.savez(folder / f"{run.compute.rank.count}-{run.compute.rank.number}.npz", **arrays)


def ended(folder: Path, number: int, by: signal.Signals) -> None:
    """Train, but one process is ended, or asked to stop, in the middle of the second epoch."""
    run = task(folder, norms=False)

    def batches(epoch: int, first: int):
        for step, batch in enumerate(run.data.batches(epoch, first), first):
            if (epoch, step, run.compute.rank.number) == (2, 3, number):
                os.kill(os.getpid(), by)
            yield batch

    fine_tune(run._replace(data=run.data._replace(batches=batches)), 0.02, lambda line: None)


def failing(folder: Path) -> None:
    """Fail in the second process with a message."""
    if this_rank().number:
        raise ValueError("no such luck")
    train(folder)
