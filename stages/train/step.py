"""One step of training: forward, loss, backward, optimizer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.batch.batches import Batch
from stages.model.classifier import Classifier
from stages.model.model_params import LossName
from stages.train.accumulation import exchange_gradients, split_batch
from stages.train.device import Compute
from stages.train.distributed import data_parallel
from stages.train.late_fetch import LateFetch, fetch_later
from stages.train.losses import label_margins, loss_per_image, to_pred_probs
from stages.train.memory import memory_advice
from stages.train.param_groups import make_optimizer, set_learning_rates


@dataclass(frozen=True)
class StepResult:
    """The mean loss of a step, and the margin that each image had before it."""

    loss: float
    margins: Tensor  # (B,) float32 on the processor


@dataclass(frozen=True)
class BegunStep:
    """A step that a GPU may still be computing."""

    _values: LateFetch  # the loss, then the margins

    def result(self) -> StepResult:
        """Wait for the step, and return what it gave."""
        values = self._values.result()
        return StepResult(float(values[0]), values[1:])


@dataclass(frozen=True)
class Trainer:
    """A model, its optimizer, and how they compute; one per phase, since each starts afresh."""

    model: Classifier
    forward: nn.Module  # the model, or what trains it together with other processes
    optimizer: torch.optim.Optimizer
    compute: Compute
    loss: LossName
    smoothing: float
    scaler: torch.amp.GradScaler
    accumulate: int = 1  # parts that a batch is computed in
    # (C,) on the device; None where every image is drawn once. See `_as_drawn`.
    log_ratios: Tensor | None = None

    def step(self, batch: Batch, rates: list[float], momentum: float, seed: int) -> StepResult:
        """Learn from one batch as begin_step does, and wait for the result."""
        return self.begin_step(batch, rates, momentum, seed).result()

    def begin_step(self, batch: Batch, rates: list[float], momentum: float, seed: int) -> BegunStep:
        """Learn from one batch, with a learning rate for each layer group; wait for nothing.

        seed: of this step's dropout, and of nothing else.
        """
        torch.manual_seed(seed)
        set_learning_rates(self.optimizer, rates, momentum)
        with memory_advice(len(batch.rows) * self.compute.rank.count):
            losses, margins = zip(*self._add_gradients(batch), strict=True)
            self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.stack(losses).sum()
        return BegunStep(fetch_later(torch.cat([loss[None], *margins])))

    def _add_gradients(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what each part of a batch adds to the loss, and its margins, its gradients added.

        The loss is (), the margins are (B,).
        """
        images_left = len(batch.rows)
        for part in split_batch(batch, self.accumulate):
            images_left -= len(part.rows)
            with exchange_gradients(self.forward, now=images_left == 0):
                with self.compute.autocast():
                    activations = self.forward(part.images)
                seen = self._as_drawn(activations)
                losses = loss_per_image(seen, part.targets, self.loss, self.smoothing)
                loss = losses.mean() * (len(part.rows) / len(batch.rows))
                scaled: Any = self.scaler.scale(loss)  # torch has no annotations for backward
                scaled.backward()
            pred_probs = to_pred_probs(activations.detach(), self.loss)
            yield loss.detach(), label_margins(pred_probs, part.targets)

    def _as_drawn(self, activations: Tensor) -> Tensor:
        """Return activations (B, C) as they would be if classes were as frequent as they are drawn.

        The loss alone takes these (logit adjustment, Menon et al. 2021). So what the model itself
        gives are probabilities for classes as frequent as in the training images, whatever it was
        shown: those of the probe that it may start from, of the same model without balance, and of
        photos that come from where these came from.
        """
        return activations if self.log_ratios is None else activations.float() + self.log_ratios


def make_trainer(
    model: Classifier,
    compute: Compute,
    loss: LossName,
    smoothing: float,
    accumulate: int = 1,
    log_ratios: np.ndarray | None = None,
) -> Trainer:
    """Return a trainer with a fresh optimizer over what is not frozen, as fastai does."""
    ratios = None if log_ratios is None else torch.tensor(log_ratios, dtype=torch.float32)
    return Trainer(
        model=model,
        forward=data_parallel(model, compute),
        optimizer=make_optimizer(model),
        compute=compute,
        loss=loss,
        smoothing=smoothing,
        # Only fp16 needs its gradients scaled; in other precisions the scaler does nothing.
        scaler=torch.amp.GradScaler(compute.device.type, enabled=compute.dtype == torch.float16),
        accumulate=accumulate,
        log_ratios=None if ratios is None else ratios.to(compute.device),
    )


def refuse_nonfinite(loss: float, rates: Sequence[float], where: str, checkpoint: str) -> None:
    """Stop at a loss that is NaN or infinite, before a checkpoint of it is saved.

    where: the step; checkpoint: the place of the last one, or nothing.
    """
    if isfinite(loss):
        return
    ends = dict.fromkeys((rates[0], rates[-1]))
    rate_range = " to ".join(f"{rate:.2g}" for rate in ends)
    last_good = f"the last good checkpoint is that of {checkpoint}; " if checkpoint else ""
    raise UserError(
        f"the loss is {loss} at {where}, with learning rates {rate_range}; {last_good}"
        "set a smaller fine_tune.base_lr, or fine_tune.precision: fp32"
    )
