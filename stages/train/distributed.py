"""Data-parallel training: several processes train one model, each on its share of every batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import sleep
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from timm.layers.norm_act import convert_sync_batchnorm
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from stages.base.errors import UserError
from stages.base.ranks import refuse_no_address
from stages.base.seed import derive_int
from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.infer import Inference
from stages.train.lost_peer import LostPeer, is_lost_peer

ValueT = TypeVar("ValueT")
_SECONDS_TO_BE_ENDED = 5.0


@dataclass(frozen=True, kw_only=True)
class StepOutcome:
    """What a step of training gave: for one process's share of the batch, or for all of it."""

    loss: float  # mean over the images
    rows: np.ndarray  # (B,) int64, row numbers of the training images
    margins: np.ndarray  # (B,) float32
    stop_asked: bool  # whether this process, or one of all, has been asked to stop


@contextmanager
def process_group(compute: Compute) -> Iterator[None]:
    """Join the other processes, if there are any: over NCCL between GPUs, else over gloo."""
    if compute.rank.count == 1:
        yield
        return
    refuse_no_address(compute.rank)
    try:
        if compute.device.type == "cuda":
            dist.init_process_group("nccl", device_id=compute.device)
        else:
            dist.init_process_group("gloo")
        refuse_unlike_first(compute)
        yield
    except RuntimeError as error:
        lost = is_lost_peer(error)
        if not lost and not isinstance(error, dist.DistBackendError):
            raise
        # Where another process has ended, the launcher is about to end this one too, and names it.
        sleep(_SECONDS_TO_BE_ENDED)
        text = " ".join(str(error).partition("Exception raised from")[0].split())
        if lost:
            raise LostPeer(
                f"the connection to another process broke ({text}); if that one has ended, its own "
                "line says why"
            ) from None
        raise dist.DistBackendError(
            f"{text}; perhaps another process has ended, and its own line says why"
        ) from error
    dist.destroy_process_group()  # after a failure it might wait for the others


def refuse_unlike_first(compute: Compute) -> None:
    """Stop where a process renders or chooses kernels otherwise than the first, who records it."""
    facts = compute.facts()
    first = broadcast(facts, compute)
    number = compute.rank.number
    if facts["kernels"] != first["kernels"]:
        raise UserError(
            f"process {number} has FINETRACK_KERNELS={facts['kernels']} and the first one "
            f"{first['kernels']}: set it alike on all machines"
        )
    if facts["renderer"] != first["renderer"]:
        raise UserError(
            f"process {number} renders by {facts['renderer']} and the first one by "
            f"{first['renderer']}: make the GPUs, Triton and the C compiler alike on all machines"
        )


def synchronize_batch_norm(model: Classifier, compute: Compute) -> None:
    """Let batch norm normalise over the whole batch, in place; torch can do so on CUDA only.

    timm's conversion, since torch's own loses the activation inside timm's norm layers.
    """
    if compute.rank.count > 1 and compute.device.type == "cuda":
        # timm has no annotations here.
        model.body = convert_sync_batchnorm(model.body)  # type: ignore[no-untyped-call]
        model.head = convert_sync_batchnorm(model.head)  # type: ignore[no-untyped-call]


def data_parallel(model: Classifier, compute: Compute) -> nn.Module:
    """Return what to call in training: the model, its gradients averaged over the processes."""
    if compute.rank.count == 1:
        return model
    devices = [compute.device] if compute.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=devices)


def broadcast(value: ValueT, compute: Compute) -> ValueT:
    """Return the value of the first process, in every process."""
    if compute.rank.count == 1:
        return value
    objects = [value]
    dist.broadcast_object_list(objects, src=0)
    return objects[0]


def share_statistics(model: Classifier, compute: Compute) -> None:
    """Give every process the statistics of the first one's norm layers, in place.

    On processors each normalises its own share, so that after a step their statistics differ.
    """
    if compute.rank.count > 1:
        for statistic in model.buffers():
            dist.broadcast(statistic, src=0)


def wait_for_all(compute: Compute) -> None:
    """Wait until every process has come here."""
    if compute.rank.count > 1:
        dist.barrier()


def merge_steps(share: StepOutcome, compute: Compute) -> StepOutcome:
    """Return the outcome of a step of all processes, whose shares have as many images each."""
    if compute.rank.count == 1:
        return share
    # One array of records, so that a step costs one exchange.
    images = len(share.rows)
    record = np.zeros(
        1,
        dtype=[
            ("loss", np.float64),
            ("rows", np.int64, (images,)),
            ("margins", np.float32, (images,)),
            ("stop_asked", np.bool_),
        ],
    )
    record["loss"] = share.loss
    record["rows"] = share.rows
    record["margins"] = share.margins
    record["stop_asked"] = share.stop_asked
    records = _all_gather(record, compute)
    return StepOutcome(
        loss=float(records["loss"].mean()),
        rows=records["rows"].ravel(),
        margins=records["margins"].ravel(),
        stop_asked=bool(records["stop_asked"].any()),
    )


def mean_over_processes(value: float, compute: Compute) -> float:
    """Return the mean of a value of each process, the same in all of them."""
    if compute.rank.count == 1:
        return value
    return float(_all_gather(np.array([value], np.float64), compute).mean())


def dropout_seed(seed: int, compute: Compute, *names: int | str) -> int:
    """Return the seed of a step's dropout; each process drops other units."""
    process = [] if compute.rank.first else [compute.rank.number]
    return derive_int(seed, *names, *process)


def _all_gather(record: np.ndarray, compute: Compute) -> np.ndarray:
    """Return the records of all processes, by rank, whatever their type: (processes,)."""
    content = torch.from_numpy(record.view(np.uint8)).to(compute.device)
    contents = [torch.empty_like(content) for _ in range(compute.rank.count)]
    dist.all_gather(contents, content)
    return torch.cat(contents).cpu().numpy().view(record.dtype)


def merge_predictions(share: Inference, compute: Compute) -> Inference:
    """Return the predictions of all processes together, in the order of the images."""
    if compute.rank.count == 1:
        return share
    shares: list[Inference] = [share] * compute.rank.count
    dist.all_gather_object(shares, share)
    images = [len(part.pred_probs) for part in shares]
    loss = float(np.average([part.loss for part in shares], weights=images))
    return Inference(np.concatenate([part.pred_probs for part in shares]), loss)
