"""Several processes that train one model, each on its part of every batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.infer import Inference

T = TypeVar("T")


@contextmanager
def process_group(compute: Compute) -> Iterator[None]:
    """Meet the other processes, if there are any: over NCCL between GPUs, else over gloo."""
    if compute.rank.count == 1:
        yield
        return
    if compute.device.type == "cuda":
        dist.init_process_group("nccl", device_id=compute.device)
    else:
        dist.init_process_group("gloo")
    yield
    dist.destroy_process_group()  # after a failure it might wait for the others


def synchronize_batch_norm(model: Classifier, compute: Compute) -> None:
    """Let batch norm see the whole batch, in place; torch can do so on CUDA only.

    timm's conversion, since torch's own loses the activation that timm's norm layers hold.
    """
    if compute.rank.count > 1 and compute.device.type == "cuda":
        model.body = convert_sync_batchnorm(model.body)
        model.head = convert_sync_batchnorm(model.head)


def data_parallel(model: Classifier, compute: Compute) -> nn.Module:
    """Return what to call in training: the model, its gradients averaged over the processes."""
    if compute.rank.count == 1:
        return model
    devices = [compute.device] if compute.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=devices)


def broadcast(value: T, compute: Compute) -> T:
    """Return what the first process has."""
    if compute.rank.count == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def all_gathered(values: np.ndarray, compute: Compute) -> np.ndarray:
    """Return the numbers (N,) of every process, as many of each: (processes, N) float64."""
    if compute.rank.count == 1:
        return values[None]
    own = torch.as_tensor(values, dtype=torch.float64, device=compute.device)
    every = [torch.empty_like(own) for _ in range(compute.rank.count)]
    dist.all_gather(every, own)
    return torch.stack(every).cpu().numpy()


def merge_predictions(own: Inference, compute: Compute) -> Inference:
    """Return what all processes together predict, in the order of the images."""
    if compute.rank.count == 1:
        return own
    parts: list[Inference] = [own] * compute.rank.count
    dist.all_gather_object(parts, own)
    images = [len(part.pred_probs) for part in parts]
    loss = float(np.average([part.loss for part in parts], weights=images))
    return Inference(np.concatenate([part.pred_probs for part in parts]), loss)
