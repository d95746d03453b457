"""A checkpoint: all that training goes on from, in one file with a checksum and a fingerprint.

The file is a line with a checksum of the rest, a line of JSON, then safetensors; so to read it runs
no code. Random state is not in it, since every draw is derived from the seed and its own name.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from stages.base.files import write_bytes
from stages.train.progress import HistoryRow, Margins, Progress
from stages.train.step import Trainer

# Seconds of training that a kill may cost.
_INTERVAL = 60.0
# Seconds of training for each second that a checkpoint takes, so that all checkpoints together take
# less than 2 % of the time, however slow the disk is.
_SECONDS_PER_SECOND = 60.0
# The state that AdamW has of each parameter.
_ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class CheckpointFacts:
    """The part of a checkpoint that is no tensor."""

    epochs: list[HistoryRow]
    losses: list[float]  # of the steps of the running epoch
    scaler: dict[str, Any]  # the state_dict of torch's gradient scaler


@dataclass(frozen=True)
class CheckpointState:
    """The content of a checkpoint: tensors on the processor by name, and facts."""

    tensors: dict[str, Tensor]
    facts: CheckpointFacts


class Checkpoints:
    """The checkpoint file of a run; each checkpoint takes the place of the one before."""

    def __init__(self, path: Path, fingerprint: Mapping[str, object]) -> None:
        """Use this file; fingerprint: by name, all that the end result depends on, as JSON."""
        self.path = path
        self.where = ""  # the place in training of the last checkpoint, in words
        self._fingerprint = dict(fingerprint)
        self._saved_at = perf_counter()
        self._seconds = 0.0  # that the last save took

    def beside(self, name: str) -> "Checkpoints":
        """Return the file of a run before this one, such as a trial; it is removed with this."""
        path = self.path.with_name(f"{self.path.name}_{name}")
        return Checkpoints(path, {**self._fingerprint, "run": name})

    def load(self) -> tuple[CheckpointState | None, str]:
        """Return the state in the file, if this run can go on from it, and what to print of it."""
        try:
            checksum, _, rest = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None, ""
        if checksum != _checksum(rest):
            return None, f"The checkpoint {self.path} is damaged and ignored: starting anew"
        line, _, tensors = rest.partition(b"\n")
        head = json.loads(line)
        saved = head["key"]
        differing = [name for name, value in self._fingerprint.items() if saved.get(name) != value]
        if differing:
            return None, (
                f"The checkpoint {self.path} ({head['where']}) is of another run, with other "
                f"{', '.join(differing)}, and ignored: starting anew"
            )
        self.where = head["where"]
        state = CheckpointState(load(tensors), _facts_from_json(head["facts"]))
        return state, f"Going on from {self.path}: {self.where}"

    def due(self, epoch_ends: bool) -> bool:
        """Return whether it is time: at an epoch's end or after a minute, unless it costs much."""
        affordable = _SECONDS_PER_SECOND * self._seconds
        interval = affordable if epoch_ends else max(_INTERVAL, affordable)
        return perf_counter() - self._saved_at >= interval

    def save(self, make_state: Callable[[], CheckpointState], where: str) -> None:
        """Write a state, whole or not at all; where: its place in training, in words."""
        start = perf_counter()
        state = make_state()
        head = {"key": self._fingerprint, "where": where, "facts": asdict(state.facts)}
        rest = json.dumps(head).encode() + b"\n" + save(state.tensors)
        write_bytes(self.path, _checksum(rest) + b"\n" + rest, durable=True)
        self.where = where
        self._saved_at = perf_counter()
        self._seconds = self._saved_at - start

    def remove(self) -> None:
        """Remove the file, and those beside it, once all results of training are written.

        Those too that a run with other params has left.
        """
        for path in (self.path, *self.path.parent.glob(f"{self.path.name}_*")):
            path.unlink(missing_ok=True)


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def _facts_from_json(content: dict[str, Any]) -> CheckpointFacts:
    rows = [HistoryRow(*row) for row in content["epochs"]]
    return CheckpointFacts(rows, content["losses"], content["scaler"])


def checkpoint_state(trainer: Trainer, progress: Progress) -> CheckpointState:
    """Return all that `restore` and `restored_progress` need."""
    tensors = {f"model.{name}": value for name, value in trainer.model.state_dict().items()}
    for number, parameter in enumerate(_parameters(trainer.optimizer)):
        for name, value in trainer.optimizer.state[parameter].items():
            tensors[f"adam.{number}.{name}"] = value
    tensors["margins.sums"] = torch.from_numpy(progress.margins.sums)
    tensors["margins.counts"] = torch.from_numpy(progress.margins.counts)
    on_processor = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    facts = CheckpointFacts(
        list(progress.epochs), list(progress.losses), trainer.scaler.state_dict()
    )
    return CheckpointState(on_processor, facts)


def restored_progress(state: CheckpointState) -> Progress:
    """Return the progress that a state holds."""
    sums = state.tensors["margins.sums"].numpy().copy()
    counts = state.tensors["margins.counts"].numpy().copy()
    return Progress(Margins(sums, counts), list(state.facts.epochs), list(state.facts.losses))


def restore(state: CheckpointState, trainer: Trainer) -> None:
    """Load a state into the model, optimizer and gradient scaler of the same phase."""
    model_tensors = {
        name.removeprefix("model."): value
        for name, value in state.tensors.items()
        if name.startswith("model.")
    }
    trainer.model.load_state_dict(model_tensors)
    for number, parameter in enumerate(_parameters(trainer.optimizer)):
        for name in _ADAM_STATE:
            saved = state.tensors.get(f"adam.{number}.{name}")
            if saved is not None:
                # The fused optimizer takes its averages to lie in memory as the parameter does,
                # and the file holds them otherwise.
                like = saved if name == "step" else parameter
                restored = torch.empty_like(like, device=parameter.device)
                trainer.optimizer.state[parameter][name] = restored.copy_(saved)
    trainer.scaler.load_state_dict(state.facts.scaler)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
