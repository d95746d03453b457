"""One step of training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.distributed import data_parallel
from stages.train.infer import Batch
from stages.train.losses import LossName, loss_per_image, margins, to_pred_probs
from stages.train.param_groups import make_optimizer, set_learning_rates


class StepResult(NamedTuple):
    """What a step tells: its mean loss, and each image's margin before the step."""

    loss: float
    margins: Tensor  # (B,) float32 on the processor


@dataclass(frozen=True)
class Trainer:
    """A model, its optimiser, and how they compute; one per phase, since each starts afresh."""

    model: Classifier
    forward: nn.Module  # the model, or what trains it together with other processes
    adam: torch.optim.Optimizer
    compute: Compute
    loss: LossName
    smoothing: float
    scaler: torch.amp.GradScaler

    def step(self, batch: Batch, rates: list[float], momentum: float, seed: int) -> StepResult:
        """Learn from one batch; the seed decides this step's dropout and nothing else."""
        torch.manual_seed(seed)
        set_learning_rates(self.adam, rates, momentum)
        with enough_memory(len(batch.rows) * self.compute.rank.count):
            with self.compute.autocast():
                activations = self.forward(batch.images)
            loss = loss_per_image(activations, batch.targets, self.loss, self.smoothing).mean()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.adam)
        self.scaler.update()
        self.adam.zero_grad(set_to_none=True)
        with torch.no_grad():
            margin = margins(to_pred_probs(activations, self.loss), batch.targets)
        return StepResult(float(loss.detach()), margin.cpu())


def make_trainer(model: Classifier, compute: Compute, loss: LossName, smoothing: float) -> Trainer:
    """Begin with a fresh optimiser over what is not frozen now, as fastai does for each phase."""
    # Only fp16 needs its gradients scaled; in other precisions the scaler does nothing.
    scaler = torch.amp.GradScaler(compute.device.type, enabled=compute.dtype == torch.float16)
    forward = data_parallel(model, compute)
    return Trainer(model, forward, make_optimizer(model), compute, loss, smoothing, scaler)


@contextmanager
def enough_memory(images: int) -> Iterator[None]:
    """Turn running out of memory in a step of so many images into what to set."""
    try:
        yield
    except RuntimeError as error:
        # On a processor it has no class of its own.
        if not isinstance(error, torch.OutOfMemoryError) and "DefaultCPUAll" not in str(error):
            raise
        raise UserError(
            f"memory does not suffice for a step of {images} images; set fine_tune.batch_size: "
            f"{max(2, images // 2)}, or a smaller augment.size"
        ) from None


def refuse_nonfinite(loss: float, rates: Sequence[float], where: str, checkpoint: str) -> None:
    """Stop at a loss that is no number, before it spoils anything that is kept.

    where: the step; checkpoint: what the last one holds, or nothing.
    """
    if loss - loss != 0:
        spread = " to ".join(f"{rate:.2g}" for rate in dict.fromkeys((rates[0], rates[-1])))
        kept = f"the last good checkpoint is that of {checkpoint}; " if checkpoint else ""
        raise UserError(
            f"the loss is {loss} at {where}, with learning rates {spread}; {kept}"
            "set a smaller fine_tune.base_lr, or fine_tune.precision: fp32"
        )
