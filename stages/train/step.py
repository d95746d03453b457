"""One step of training: forward, loss, backward, optimizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.batch.batches import Batch
from stages.model.classifier import Classifier, LossName
from stages.train.device import Compute
from stages.train.distributed import data_parallel
from stages.train.losses import label_margins, loss_per_image, to_pred_probs
from stages.train.memory import memory_advice
from stages.train.param_groups import make_optimizer, set_learning_rates


@dataclass(frozen=True)
class StepResult:
    """The mean loss of a step, and the margin that each image had before it."""

    loss: float
    margins: Tensor  # (B,) float32 on the processor


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

    def step(self, batch: Batch, rates: list[float], momentum: float, seed: int) -> StepResult:
        """Learn from one batch, with a learning rate for each layer group.

        seed: of this step's dropout, and of nothing else.
        """
        torch.manual_seed(seed)
        set_learning_rates(self.optimizer, rates, momentum)
        with memory_advice(len(batch.rows) * self.compute.rank.count):
            with self.compute.autocast():
                activations = self.forward(batch.images)
            loss = loss_per_image(activations, batch.targets, self.loss, self.smoothing).mean()
            scaled: Any = self.scaler.scale(loss)  # torch has no annotations for backward
            scaled.backward()
            self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            margins = label_margins(to_pred_probs(activations, self.loss), batch.targets)
        return StepResult(float(loss.detach()), margins.cpu())


def make_trainer(model: Classifier, compute: Compute, loss: LossName, smoothing: float) -> Trainer:
    """Return a trainer with a fresh optimizer over what is not frozen, as fastai does."""
    return Trainer(
        model=model,
        forward=data_parallel(model, compute),
        optimizer=make_optimizer(model),
        compute=compute,
        loss=loss,
        smoothing=smoothing,
        # Only fp16 needs its gradients scaled; in other precisions the scaler does nothing.
        scaler=torch.amp.GradScaler(compute.device.type, enabled=compute.dtype == torch.float16),
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
