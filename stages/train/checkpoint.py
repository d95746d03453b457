"""A checkpoint: all that training goes on from, in one file that is whole and known by its inputs.

The file is a line with a checksum of the rest, a line of JSON, then safetensors; so to read it runs
no code. Random state is not in it, since every draw is derived from the seed and its own name.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import torch
from safetensors.torch import load, save
from torch import Tensor

from stages.base.files import write_bytes
from stages.train.progress import HistoryRow, Margins, Progress
from stages.train.step import Trainer

# Seconds of work that a kill may cost; and seconds of work for each second that a checkpoint takes,
# so that all of them together take less than 2 % of the time however slow the disk is.
EVERY, PER_SECOND = 60.0, 60.0


class CheckpointState(NamedTuple):
    """What a checkpoint holds: tensors on the processor, and facts that JSON can say."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoint of a run; each takes the place of the one before."""

    def __init__(self, path: Path, key: Mapping[str, Any]) -> None:
        """Keep it in this file; key says by name all that the end result depends on."""
        self.path, self._key = path, dict(key)
        self._saved, self._cost = perf_counter(), 0.0
        self.where = ""  # what the last one holds, in words

    def load(self) -> tuple[CheckpointState | None, str]:
        """Return what the file holds, if it can be gone on from, and what to say of it."""
        try:
            crc, _, rest = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None, ""
        if crc != _crc(rest):
            return None, f"The checkpoint {self.path} is damaged and ignored: starting anew"
        line, _, content = rest.partition(b"\n")
        head = json.loads(line)
        if other := [name for name in self._key if head["key"].get(name) != self._key[name]]:
            return None, (
                f"The checkpoint {self.path} ({head['where']}) is of another run, with other "
                f"{', '.join(other)}, and ignored: starting anew"
            )
        self.where = head["where"]
        return CheckpointState(
            load(content), head["facts"]
        ), f"Going on from {self.path}: {self.where}"

    def due(self, epoch_ends: bool) -> bool:
        """Return whether it is time: at an epoch's end or after a minute, unless it costs much."""
        least = PER_SECOND * self._cost
        return perf_counter() - self._saved >= (least if epoch_ends else max(EVERY, least))

    def save(self, make: Callable[[], CheckpointState], where: str) -> None:
        """Write the state that is made, whole or not at all."""
        start, state = perf_counter(), make()
        head = {"key": self._key, "where": where, "facts": state.facts}
        rest = json.dumps(head).encode() + b"\n" + save(state.tensors)
        write_bytes(self.path, _crc(rest) + b"\n" + rest, durable=True)
        self.where, self._saved = where, perf_counter()
        self._cost = self._saved - start

    def remove(self) -> None:
        """Remove the file, once all that training gave is written."""
        self.path.unlink(missing_ok=True)


def _crc(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def checkpoint_state(trainer: Trainer, progress: Progress) -> CheckpointState:
    """Return all that `restore` and `restored_progress` need."""
    tensors = {f"model.{name}": value for name, value in trainer.model.state_dict().items()}
    for number, parameter in enumerate(_parameters(trainer.adam)):
        for name, value in trainer.adam.state[parameter].items():
            tensors[f"adam.{number}.{name}"] = value
    tensors["margins.sums"] = torch.from_numpy(progress.margins.sums)
    tensors["margins.counts"] = torch.from_numpy(progress.margins.counts)
    facts = {
        "epochs": [list(epoch) for epoch in progress.epochs],
        "losses": progress.losses,
        "scaler": trainer.scaler.state_dict(),
    }
    return CheckpointState(
        {name: t.detach().cpu().contiguous() for name, t in tensors.items()}, facts
    )


def restored_progress(state: CheckpointState) -> Progress:
    """Return the progress that a state holds."""
    sums, counts = (state.tensors[f"margins.{name}"].numpy().copy() for name in ("sums", "counts"))
    epochs = [HistoryRow(*row) for row in state.facts["epochs"]]
    return Progress(Margins(sums, counts), epochs, list(state.facts["losses"]))


def restore(state: CheckpointState, trainer: Trainer) -> None:
    """Put model, optimiser and gradient scaler of the same phase into a state."""
    model = {
        name.removeprefix("model."): value
        for name, value in state.tensors.items()
        if name.startswith("model.")
    }
    trainer.model.load_state_dict(model)
    for number, parameter in enumerate(_parameters(trainer.adam)):
        for name in ("step", "exp_avg", "exp_avg_sq"):
            if (saved := state.tensors.get(f"adam.{number}.{name}")) is not None:
                # The fused optimiser takes its averages to lie in memory as the parameter does,
                # and the file holds them otherwise.
                like = saved if name == "step" else parameter
                placed = torch.empty_like(like, device=parameter.device)
                trainer.adam.state[parameter][name] = placed.copy_(saved)
    trainer.scaler.load_state_dict(state.facts["scaler"])


def _parameters(adam: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in adam.param_groups for parameter in group["params"]]
