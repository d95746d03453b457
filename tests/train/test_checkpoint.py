"""Going on from a checkpoint ends where an uninterrupted run does; what does not fit is ignored."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.train.checkpoint import (
    Checkpoints,
    CheckpointState,
    checkpoint_state,
    restore,
    restored_progress,
)
from stages.train.loop import TrainingResult, TrainingTask, fine_tune
from stages.train.param_groups import train_mode, unfreeze
from stages.train.progress import Margins, Progress
from stages.train.step import Trainer, make_trainer
from tests.train.tiny import CPU, tiny_batches, tiny_model, tiny_task


def end_of(task: TrainingTask) -> dict[str, bytes]:
    """Return the bytes of everything that training leaves."""
    trained = fine_tune(task, 0.02, lambda line: None)
    tensors = {name: value.numpy().tobytes() for name, value in task.model.state_dict().items()}
    return tensors | told(trained)


def told(trained: TrainingResult) -> dict[str, bytes]:
    """Return the bytes of what is not in the model."""
    return {
        "margins": trained.margins.tobytes(),
        "held": trained.held.pred_probs.tobytes(),
        "epochs": repr(trained.epochs).encode(),
    }


class Interrupting:
    """Batches that send this process a signal before one of them, counted over all epochs."""

    def __init__(self, at: int, batches: list) -> None:
        """Send it before batch `at`."""
        self.left, self.shown = at, batches

    def __call__(self, epoch: int = 0, first: int = 0) -> Iterable:
        """Yield the batches of an epoch."""
        for batch in self.shown[first:]:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            self.left -= 1
            yield batch


def interrupted(task: TrainingTask, at: int, validation: bool = False) -> None:
    """Run until the signal, which the run must say has been heeded."""
    part = "valid" if validation else "batches"
    shown = list(task.data.valid()) if validation else task.data.batches(0, 0)
    data = task.data._replace(**{part: Interrupting(at, shown)})
    with pytest.raises(KeyboardInterrupt, match=r"Interrupted at epoch \d, step \d, which is kept"):
        fine_tune(task._replace(data=data), 0.02, lambda line: None)


@pytest.mark.parametrize("at", [0, 1, 5, 6, 7, 13, 23])
def test_a_run_that_was_ended_goes_on_to_the_same_bytes(at: int, tmp_path: Path) -> None:
    """Ended before any step, in either phase, it says where it goes on, and ends the same."""
    wanted = end_of(tiny_task(tmp_path / "whole"))
    interrupted(tiny_task(tmp_path / "checkpoint"), at)
    lines: list[str] = []
    task = tiny_task(tmp_path / "checkpoint")
    trained = fine_tune(task, 0.02, lines.append)
    place = f"epoch {at // 6 + 1}, step {at % 6}"
    assert lines[0] == f"Going on from {tmp_path / 'checkpoint'}: {place}"
    assert len(lines) == 1 + 4 - at // 6
    model = {name: value.numpy().tobytes() for name, value in task.model.state_dict().items()}
    assert model | told(trained) == wanted


def test_a_run_ended_in_validation_repeats_no_step(tmp_path: Path) -> None:
    """Ended while validating the last epoch, only that validation is done again."""
    wanted = end_of(tiny_task(tmp_path / "whole"))
    interrupted(tiny_task(tmp_path / "checkpoint"), 7, validation=True)
    task = tiny_task(tmp_path / "checkpoint")
    asked: list[tuple[int, int]] = []
    none = task.data._replace(batches=lambda *place: asked.append(place) or [])
    assert end_of(task._replace(data=none)) == wanted
    assert asked == [(4, 6)]


def test_a_run_may_be_ended_again_and_again(tmp_path: Path) -> None:
    """Ended after every third step, it still arrives, and at the same bytes."""
    wanted = end_of(tiny_task(tmp_path / "whole"))
    for _ in range(7):
        interrupted(tiny_task(tmp_path / "checkpoint"), 3)
    assert end_of(tiny_task(tmp_path / "checkpoint")) == wanted


def trained(steps: int) -> Trainer:
    """Return a trainer after some steps, the weights of its model channels last."""
    model = tiny_model().to(memory_format=torch.channels_last)
    unfreeze(model, train_bn=True)
    train_mode(model, train_bn=True)
    trainer = make_trainer(model, CPU, "cross_entropy", 0.0)
    for number, batch in enumerate(tiny_batches(steps) if steps else []):
        trainer.step(batch, [1e-3, 1e-2], 0.9, number)
    return trainer


def test_the_optimiser_lies_in_memory_as_before() -> None:
    """Its averages come back equal, with the strides of their parameters, as a fused step needs."""
    trainer, fresh = trained(2), trained(0)
    restore(checkpoint_state(trainer, Progress(Margins.none_seen(1))), fresh)
    for old, new in zip(trainer.model.parameters(), fresh.model.parameters(), strict=True):
        assert torch.equal(old, new)
        for name, value in trainer.adam.state[old].items():
            again = fresh.adam.state[new][name]
            assert torch.equal(value, again)
            assert value.stride() == again.stride()


def test_progress_comes_back() -> None:
    """Epochs, losses and margins are the same after a round trip."""
    progress = Progress(Margins.none_seen(3), losses=[0.1 + 0.2, 1 / 3])
    progress.margins.add(np.array([0, 2]), np.array([0.25, -1 / 7]))
    again = restored_progress(checkpoint_state(trained(1), progress))
    assert (again.losses, again.epochs) == (progress.losses, progress.epochs)
    assert np.array_equal(again.margins.sums, progress.margins.sums)
    assert np.array_equal(again.margins.counts, progress.margins.counts)


STATE = CheckpointState({"model.weight": torch.arange(3.0)}, {"losses": [0.5]})


def kept(path: Path, **key: str) -> Checkpoints:
    """Return the checkpoints of a run with this key."""
    return Checkpoints(path, {"code": "a", "params": "b", **key})


def test_no_checkpoint_is_nothing_to_tell(tmp_path: Path) -> None:
    """Without a file there is no state, and nothing is said."""
    assert kept(tmp_path / "none").load() == (None, "")


def test_a_checkpoint_is_read_back(tmp_path: Path) -> None:
    """Tensors, facts and place are as they were saved."""
    kept(tmp_path / "file").save(lambda: STATE, "epoch 2, step 7")
    state, said = kept(tmp_path / "file").load()
    assert torch.equal(state.tensors["model.weight"], torch.arange(3.0))
    assert state.facts == {"losses": [0.5]}
    assert said.endswith(": epoch 2, step 7")


def test_a_checkpoint_of_other_inputs_is_ignored_and_named(tmp_path: Path) -> None:
    """Where the key differs there is no state, and the message says in what."""
    kept(tmp_path / "file").save(lambda: STATE, "epoch 2, step 7")
    state, said = kept(tmp_path / "file", params="c").load()
    assert state is None
    assert "(epoch 2, step 7) is of another run, with other params, and ignored" in said


@pytest.mark.parametrize("damage", ["truncated", "zeroed", "empty", "foreign"])
def test_a_damaged_checkpoint_is_ignored_and_named(damage: str, tmp_path: Path) -> None:
    """A file that is cut short, overwritten or something else is no state, and the run says so."""
    path = tmp_path / "file"
    kept(path).save(lambda: STATE, "epoch 2, step 7")
    whole = path.read_bytes()
    spoilt = {
        "truncated": whole[:-1],
        "zeroed": whole[:-4] + bytes(4),
        "empty": b"",
        "foreign": b"something else\n",
    }
    path.write_bytes(spoilt[damage])
    assert kept(path).load() == (
        None,
        f"The checkpoint {path} is damaged and ignored: starting anew",
    )


def test_a_fresh_one_is_due_at_an_epochs_end_only() -> None:
    """Right after the start only the end of an epoch is worth a checkpoint."""
    fresh = kept(Path("file"))
    assert fresh.due(epoch_ends=True)
    assert not fresh.due(epoch_ends=False)


def test_dear_checkpoints_are_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one that took 2 seconds, an epoch's end is worth another after 120, not after 119."""
    times = iter([0.0, 10.0, 12.0, 12.0 + 119, 12.0 + 120])
    monkeypatch.setattr("stages.train.checkpoint.perf_counter", lambda: next(times))
    dear = kept(tmp_path / "file")
    dear.save(lambda: STATE, "epoch 1, step 1")
    assert not dear.due(epoch_ends=True)
    assert dear.due(epoch_ends=True)


def test_a_minute_is_worth_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of an epoch one is due after 60 seconds, not after 59."""
    clock = [100.0]
    monkeypatch.setattr("stages.train.checkpoint.perf_counter", lambda: clock[0])
    long = kept(tmp_path / "file")
    clock[0] += 59
    assert not long.due(epoch_ends=False)
    clock[0] += 1
    assert long.due(epoch_ends=False)
    long.save(lambda: STATE, "epoch 1, step 1")
    assert not long.due(epoch_ends=False)
