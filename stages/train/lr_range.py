"""The learning-rate range test (Smith 2015): train at ever larger rates, and record the loss."""

import copy
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

import torch
from tqdm import tqdm

from stages.batch.batches import Batch
from stages.train.distributed import dropout_seed, mean_over_processes
from stages.train.lr_find_params import LrFindParams
from stages.train.param_groups import train_mode
from stages.train.step import Trainer

# fastai's running mean remembers this share of itself at each step of its sweep of so many steps.
SMOOTHING = 0.98
SMOOTHING_STEPS = 100
# A smoothed loss so many times its best ends the sweep, as in fastai.
_DIVERGED = 4.0
_MOMENTUM = 0.95


class SweepPoint(NamedTuple):
    """A row of curve.csv."""

    step: int
    lr: float
    loss: float
    smoothed: float


def sweep(
    trainer: Trainer, train_bn: bool, batches: Iterable[Batch], params: LrFindParams, seed: int
) -> list[SweepPoint]:
    """Return the curve of a sweep; afterwards model, optimizer and random state are as before.

    The learning rate rises exponentially from start to end. The sweep stops early where the
    debiased running mean of the loss exceeds 4 times its best, or the loss is NaN or infinite; of
    several processes, each with its share of every batch, all stop at the same step. The
    mean remembers the same share of any sweep: with 60 steps and fastai's memory of 100, a fall by
    half shows as 5 %.
    """
    model_state = copy.deepcopy(trainer.model.state_dict())
    optimizer_state = copy.deepcopy(trainer.optimizer.state_dict())
    device = trainer.compute.device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            return _sweep(trainer, train_bn, batches, params, seed)
    finally:
        trainer.model.load_state_dict(model_state)
        trainer.optimizer.load_state_dict(optimizer_state)


def _sweep(
    trainer: Trainer, train_bn: bool, batches: Iterable[Batch], params: LrFindParams, seed: int
) -> list[SweepPoint]:
    train_mode(trainer.model, train_bn)
    points: list[SweepPoint] = []
    mean = 0.0
    best = float("inf")
    memory = SMOOTHING ** (SMOOTHING_STEPS / params.steps)
    groups = 1 + max(group["layer"] for group in trainer.optimizer.param_groups)
    compute = trainer.compute
    bar = tqdm(
        batches, "learning-rate sweep", params.steps, unit="step", delay=1, leave=False,
        disable=not compute.rank.first,
    )  # fmt: skip
    for number, batch in zip(range(params.steps), bar, strict=False):
        lr = sweep_lr(params, number)
        dropout = dropout_seed(seed, compute, "sweep", number)
        step = trainer.step(batch, [lr] * groups, _MOMENTUM, dropout)
        loss = mean_over_processes(step.loss, compute)
        if not isfinite(loss):
            break
        mean = memory * mean + (1 - memory) * loss
        smoothed = mean / (1 - memory ** (number + 1))
        points.append(SweepPoint(number, lr, loss, smoothed))
        best = min(best, smoothed)
        if smoothed > _DIVERGED * best:
            break
    return points


def sweep_lr(params: LrFindParams, step: int) -> float:
    """Return the learning rate at a step: `start` at the first, `end` at the last."""
    position = step / (params.steps - 1)
    factor: float = (params.end / params.start) ** position
    return params.start * factor
