"""Whole runs of training on a GPU: twice, interrupted, killed, and by two processes on one GPU."""

from stages.base.environment import prepare_process

prepare_process()

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.distributed as dist

from benchmarks.generated import Work, precisions, task_of
from benchmarks.measure import figure, timed
from stages.base.environment import device_name
from stages.base.ranks import this_rank
from stages.batch.batches import Batch
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute, open_device
from stages.train.loop import fine_tune
from stages.train.result import TrainingResult
from stages.train.training_data import TrainingTask

Ending = Literal["whole", "asked to stop", "killed"]


class EagerCheckpoints(Checkpoints):
    """A checkpoint file that is written after every step."""

    def due(self, epoch_ends: bool) -> bool:  # noqa: ARG002 - as its base
        """Return that it is time."""
        return True


def _silent(line: str) -> None:
    """Drop a line of the training log."""


def result_digest(task: TrainingTask, trained: TrainingResult) -> str:
    """Return one hash of weights, history and predictions."""
    digest = hashlib.sha256(repr(trained.epochs).encode())
    for value in task.model.state_dict().values():
        digest.update(value.cpu().contiguous().numpy().tobytes())
    digest.update(trained.validation.pred_probs.tobytes())
    return digest.hexdigest()


def _run(work: Work, compute: Compute, file: Path) -> TrainingTask:
    """Return a short run; its checkpoint is the file."""
    loaders = work.loaders(few=True)
    shared = replace(loaders, plan=replace(loaders.plan, rank=compute.rank))
    return task_of(shared, work.scale.small, compute, file, (1, work.scale.epochs))


def ended(task: TrainingTask, ending: Ending) -> TrainingTask:
    """Return a run that is ended at the second step of its second epoch, or not."""

    def batches(epoch: int, first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(task.data.train_batches(epoch, first_step), first_step):
            if (epoch, step) == (2, 1):
                os.kill(os.getpid(), signal.SIGKILL if ending == "killed" else signal.SIGTERM)
            yield batch

    if ending == "whole":
        return task
    checkpoints = task.checkpoints
    if ending == "killed":
        checkpoints = EagerCheckpoints(checkpoints.path, {})
    data = replace(task.data, train_batches=batches)
    return replace(task, data=data, checkpoints=checkpoints)


def exact(work: Work) -> dict[str, Any]:
    """Return, for each precision, whether a second run and an interrupted one end in the same."""
    figures: dict[str, Any] = {}
    for name, compute in precisions(_device()).items():
        ends = []
        for run in ("first", "second", "asked to stop"):
            file = work.scratch / f"{name} {run}"
            if run == "asked to stop":
                _stop(ended(_run(work, compute, file), "asked to stop"))
            task = _run(work, compute, file)
            ends.append(result_digest(task, fine_tune(task, 2e-3, _silent)))
        figures[f"{name}: a second run has the same bytes"] = ends[1] == ends[0]
        figures[f"{name}: a run that was stopped has the same bytes"] = ends[2] == ends[0]
    return figures


def _device() -> torch.device:
    return open_device(device_name(), "auto").device


def _stop(task: TrainingTask) -> None:
    try:
        fine_tune(task, 2e-3, _silent)
    except KeyboardInterrupt:
        return
    raise SystemExit("the run was not interrupted")


def killed(work: Work) -> dict[str, Any]:
    """Return whether a process that is killed, run again, ends in the bytes of one that is not."""
    digests: list[str] = []
    runs: dict[str, list[Ending]] = {"whole": ["whole"], "killed": ["killed", "whole"]}
    for file, endings in runs.items():
        for ending in endings:
            done = _child(work, {}, ending, work.scratch / file)
            output, _ = done.communicate()
            expected = -signal.SIGKILL if ending == "killed" else 0
            if done.returncode != expected:
                raise SystemExit(f"a run ({ending}) ended by {done.returncode}: {output}")
        digests.append(output.split()[-1])
    return {"a run that was killed has the same bytes": digests[0] == digests[1]}


def two_ranks(work: Work) -> dict[str, Any]:
    """Return how two processes on one GPU differ from one, and their time, over gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ends: dict[int, dict[str, np.ndarray]] = {}
    seconds: dict[int, float] = {}
    for count in (1, 2):
        file = work.scratch / f"of {count}"
        variables = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}

        def run(count: int = count, file: Path = file, given: Any = variables) -> None:
            ranks = [
                _child(work, {**given, "RANK": str(rank)}, "whole", file) for rank in range(count)
            ]
            for rank in ranks:
                output, _ = rank.communicate()
                if rank.returncode:
                    raise SystemExit(f"a process of {len(ranks)} failed: {output}")

        seconds[count] = timed(run)
        ends[count] = dict(np.load(f"{file}.npz"))
    probs = [ends[count]["pred_probs"] for count in (1, 2)]
    losses = [ends[count]["losses"] for count in (1, 2)]
    return {
        "seconds of two processes / of one": figure([seconds[2] / seconds[1]]),
        "largest difference of an epoch's loss": float(np.abs(losses[0] - losses[1]).max()),
        "largest difference of a probability": float(np.abs(probs[0] - probs[1]).max()),
        "predictions that differ": float(np.mean(probs[0].argmax(1) != probs[1].argmax(1))),
    }


def _child(
    work: Work, variables: dict[str, str], ending: Ending, file: Path
) -> "subprocess.Popen[str]":
    """Start a run in a process of its own; see main."""
    tiny = str(int(work.tiny))
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu_runs", tiny, str(work.photos), ending, str(file)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _train_with_others(task: TrainingTask) -> TrainingResult:
    """Train beside the other processes: over gloo, since NCCL wants a GPU for each."""
    if task.compute.rank.count == 1:
        return fine_tune(task, 2e-3, _silent)
    dist.init_process_group("gloo")
    trained = fine_tune(task, 2e-3, _silent)
    dist.destroy_process_group()
    return trained


def main() -> None:
    """Train as one of the processes that the variables of torchrun name; print a hash.

    Arguments: 1 for the tiny scale, the photos, how the run ends, the file of its checkpoint.
    """
    tiny, photos, ending, file = sys.argv[1:]
    work = Work(tiny=bool(int(tiny)), photos=Path(photos), scratch=Path(file).parent)
    half = next(iter(precisions(_device())))
    compute = replace(precisions(_device())[half], rank=this_rank())
    how: dict[str, Ending] = {name: name for name in get_args(Ending)}
    task = ended(_run(work, compute, Path(file)), how[ending])
    trained = _train_with_others(task)
    if compute.rank.first:
        losses = np.array([epoch.train_loss for epoch in trained.epochs])
        np.savez(f"{file}.npz", pred_probs=trained.validation.pred_probs, losses=losses)
        print(result_digest(task, trained))


if __name__ == "__main__":
    main()
