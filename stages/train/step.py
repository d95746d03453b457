"""One step of training."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from stages.base.errors import UserError
from stages.train.device import Compute
from stages.train.infer import Batch
from stages.train.losses import LossName, loss_per_image, margins, probabilities
from stages.train.model import Classifier
from stages.train.param_groups import optimiser, set_rates


class Step(NamedTuple):
    """What a step tells: its mean loss, and each image's margin before the step."""

    loss: float
    margins: Tensor  # (B,) float32 on the processor


@dataclass(frozen=True)
class Trainer:
    """A model, its optimiser, and how they compute; one per phase, since each starts afresh."""

    model: Classifier
    adam: torch.optim.Optimizer
    compute: Compute
    loss: LossName
    smoothing: float
    scaler: torch.amp.GradScaler

    def step(self, batch: Batch, rates: list[float], momentum: float, seed: int) -> Step:
        """Learn from one batch; the seed decides this step's dropout and nothing else."""
        torch.manual_seed(seed)
        set_rates(self.adam, rates, momentum)
        with self.compute.autocast():
            activations = self.model(batch.images)
        loss = loss_per_image(activations, batch.targets, self.loss, self.smoothing).mean()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.adam)
        self.scaler.update()
        self.adam.zero_grad(set_to_none=True)
        with torch.no_grad():
            margin = margins(probabilities(activations, self.loss), batch.targets)
        return Step(float(loss.detach()), margin.cpu())


def make_trainer(model: Classifier, compute: Compute, loss: LossName, smoothing: float) -> Trainer:
    """Begin with a fresh optimiser over what is not frozen now, as fastai does for each phase."""
    # Only fp16 needs its gradients scaled; in other precisions the scaler does nothing.
    scaler = torch.amp.GradScaler(compute.device.type, enabled=compute.dtype == torch.float16)
    return Trainer(model, optimiser(model), compute, loss, smoothing, scaler)


def refuse_nonfinite(loss: float, number: int, rates: list[float]) -> None:
    """Stop at a loss that is no number, before it spoils anything that is kept."""
    if loss - loss != 0:
        raise UserError(
            f"the loss is {loss} at step {number}, with learning rate {rates[-1]:.2g}; "
            "set a smaller fine_tune.base_lr, or fine_tune.precision: fp32"
        )
