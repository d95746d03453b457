"""The learning-rate range test: train a little at ever larger rates and watch the loss."""

import copy
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

import torch
from pydantic import Field, model_validator
from tqdm import tqdm

from stages.base.params import Section
from stages.base.seed import derive_int
from stages.train.infer import Batch
from stages.train.param_groups import train_mode
from stages.train.step import Trainer

# fastai's values: the memory of the running mean in its sweep of 100 steps, and the rise over the
# best that ends the sweep.
SMOOTHING, STEPS, GIVE_UP = 0.98, 100, 4.0


class LrFindParams(Section):
    """The section `lr_find` of params.yaml."""

    steps: int = Field(ge=20, le=1000)
    start: float = Field(gt=0, le=1)
    end: float = Field(gt=0, le=1000)

    @model_validator(mode="after")
    def _rising(self) -> "LrFindParams":
        if self.end < 100 * self.start:
            raise ValueError("lr_find.end must be at least 100 times lr_find.start")
        return self


class SweepPoint(NamedTuple):
    """A row of curve.csv."""

    step: int
    lr: float
    loss: float
    smoothed: float


def sweep(
    trainer: Trainer, train_bn: bool, batches: Iterable[Batch], params: LrFindParams, seed: int
) -> list[SweepPoint]:
    """Return the curve (Smith 2015); model, optimiser and random state are as before.

    The rate rises exponentially from start to end; the sweep stops early where the debiased
    running mean of the loss exceeds 4 times its best, or is no number. The mean remembers the same
    share of any sweep: with 60 steps and fastai's memory of 100, a fall by half shows as 5 %.
    """
    kept = copy.deepcopy((trainer.model.state_dict(), trainer.adam.state_dict()))
    device = trainer.compute.device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            return _sweep(trainer, train_bn, batches, params, seed)
    finally:
        trainer.model.load_state_dict(kept[0])
        trainer.adam.load_state_dict(kept[1])


def _sweep(
    trainer: Trainer, train_bn: bool, batches: Iterable[Batch], params: LrFindParams, seed: int
) -> list[SweepPoint]:
    train_mode(trainer.model, train_bn)
    points: list[SweepPoint] = []
    mean, best, memory = 0.0, float("inf"), SMOOTHING ** (STEPS / params.steps)
    layers = 1 + max(group["layer"] for group in trainer.adam.param_groups)
    bar = tqdm(batches, "learning-rate sweep", params.steps, unit="step", delay=1, leave=False)
    for number, batch in zip(range(params.steps), bar, strict=False):
        lr = swept_rate(params, number)
        step = trainer.step(batch, [lr] * layers, 0.95, derive_int(seed, "sweep", number))
        mean = memory * mean + (1 - memory) * step.loss
        smoothed = mean / (1 - memory ** (number + 1))
        if not isfinite(step.loss):
            break
        points.append(SweepPoint(number, lr, step.loss, smoothed))
        best = min(best, smoothed)
        if smoothed > GIVE_UP * best:
            break
    return points


def swept_rate(params: LrFindParams, step: int) -> float:
    """Return the learning rate at a step: `start` at the first, `end` at the last."""
    position = step / (params.steps - 1)
    return params.start * (params.end / params.start) ** position
