"""Going on from a checkpoint ends where an uninterrupted run does; what does not fit is ignored."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.batch.batches import Batch
from stages.train.checkpoint import (
    CheckpointFacts,
    Checkpoints,
    CheckpointState,
    checkpoint_state,
    restore,
    restored_progress,
)
from stages.train.loop import fine_tune
from stages.train.param_groups import train_mode, unfreeze
from stages.train.progress import HistoryRow, Margins, Progress
from stages.train.result import TrainingResult
from stages.train.step import Trainer, make_trainer
from stages.train.training_data import TrainingTask
from tests.train.tiny_training import CPU, tiny_batches, tiny_model, tiny_task


def run(task: TrainingTask, lines: list[str] | None = None) -> dict[str, bytes]:
    """Train to the end; return the bytes of the model and of everything else that it gives."""
    result = fine_tune(task, 0.02, (lines if lines is not None else []).append)
    tensors = {name: value.numpy().tobytes() for name, value in task.model.state_dict().items()}
    return tensors | result_bytes(result)


def result_bytes(result: TrainingResult) -> dict[str, bytes]:
    """Return the bytes of what is not in the model."""
    return {
        "margins": result.margins.tobytes(),
        "pred_probs": result.validation.pred_probs.tobytes(),
        "epochs": repr(result.epochs).encode(),
    }


class Signalling:
    """Batches that send this process a signal before one of them, counted over all epochs."""

    def __init__(self, at: int, batches: list[Batch]) -> None:
        """Send it before batch `at`."""
        self.remaining = at
        self.batches = batches

    def __call__(self, epoch: int = 0, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        for batch in self.batches[first_step:]:
            if self.remaining == 0:
                signal.raise_signal(signal.SIGTERM)
            self.remaining -= 1
            yield batch


def run_until(task: TrainingTask, at: int, validation: bool = False) -> None:
    """Train until a signal before a batch, which must end the run with its place."""
    if validation:
        signalling = Signalling(at, list(task.data.valid_batches()))
        data = replace(task.data, valid_batches=signalling)
    else:
        signalling = Signalling(at, list(task.data.train_batches(1, 0)))
        data = replace(task.data, train_batches=signalling)
    with pytest.raises(KeyboardInterrupt, match=r"Stopped at epoch \d, step \d, which is kept"):
        fine_tune(replace(task, data=data), 0.02, lambda line: None)


@pytest.mark.parametrize("at", [0, 1, 5, 6, 7, 13, 23])
def test_an_interrupted_run_goes_on_to_the_same_bytes(at: int, tmp_path: Path) -> None:
    """Interrupted before any step, in either phase, a run says where it goes on, and ends alike."""
    uninterrupted = run(tiny_task(tmp_path / "whole"))
    run_until(tiny_task(tmp_path / "checkpoint"), at)
    lines: list[str] = []
    resumed = run(tiny_task(tmp_path / "checkpoint"), lines)
    place = f"epoch {at // 6 + 1}, step {at % 6}"
    assert lines[0] == f"Going on from {tmp_path / 'checkpoint'}: {place}"
    assert len(lines) == 1 + 4 - at // 6
    assert resumed == uninterrupted


def test_a_run_interrupted_in_validation_repeats_no_step(tmp_path: Path) -> None:
    """Interrupted while validating the last epoch, a run does only that validation again."""
    uninterrupted = run(tiny_task(tmp_path / "whole"))
    run_until(tiny_task(tmp_path / "checkpoint"), 7, validation=True)
    task = tiny_task(tmp_path / "checkpoint")
    places: list[tuple[int, int]] = []

    def no_batches(epoch: int, first_step: int) -> list[Batch]:
        places.append((epoch, first_step))
        return []

    resumed = run(replace(task, data=replace(task.data, train_batches=no_batches)))
    assert resumed == uninterrupted
    assert places == [(4, 6)]


def test_a_run_may_be_interrupted_again_and_again(tmp_path: Path) -> None:
    """Interrupted after every third step, a run still arrives, and at the same bytes."""
    uninterrupted = run(tiny_task(tmp_path / "whole"))
    for _ in range(7):
        run_until(tiny_task(tmp_path / "checkpoint"), 3)
    assert run(tiny_task(tmp_path / "checkpoint")) == uninterrupted


def trained(steps: int) -> Trainer:
    """Return a trainer after some steps, the weights of its model channels last."""
    model = tiny_model().to(memory_format=torch.channels_last)
    unfreeze(model, train_bn=True, frozen_share=0)
    train_mode(model, train_bn=True)
    trainer = make_trainer(model, CPU, "cross_entropy", 0.0)
    for number, batch in enumerate(tiny_batches(steps) if steps else []):
        trainer.step(batch, [1e-3, 1e-2], 0.9, number)
    return trainer


def test_the_state_of_the_optimizer_lies_in_memory_as_before() -> None:
    """Its averages come back equal, with the strides of their parameters, as a fused step needs."""
    trainer = trained(2)
    fresh = trained(0)
    restore(checkpoint_state(trainer, Progress(Margins.empty(1))), fresh)
    for old, new in zip(trainer.model.parameters(), fresh.model.parameters(), strict=True):
        assert torch.equal(old, new)
        for name, value in trainer.optimizer.state[old].items():
            restored = fresh.optimizer.state[new][name]
            assert torch.equal(value, restored)
            assert value.stride() == restored.stride()


def test_progress_comes_back_from_the_file(tmp_path: Path) -> None:
    """Epochs, losses and margins are the same after a round trip through the file."""
    row = HistoryRow(1, "frozen", 0.1, 1 / 3, 0.5, 0.25)
    progress = Progress(Margins.empty(3), [row], [0.1 + 0.2, 1 / 3])
    progress.margins.add(np.array([0, 2]), np.array([0.25, -1 / 7]))
    checkpoints_in(tmp_path / "file").save(lambda: checkpoint_state(trained(1), progress), "here")
    state, _ = checkpoints_in(tmp_path / "file").load()
    assert state is not None
    restored = restored_progress(state)
    assert restored.losses == progress.losses
    assert restored.epochs == [row]
    assert isinstance(restored.epochs[0], HistoryRow)
    assert np.array_equal(restored.margins.sums, progress.margins.sums)
    assert np.array_equal(restored.margins.counts, progress.margins.counts)


STATE = CheckpointState(
    {"model.weight": torch.arange(3.0)}, CheckpointFacts([], [0.5], {"scale": 2.0})
)


def checkpoints_in(path: Path, **fingerprint: str) -> Checkpoints:
    """Return the checkpoints of a run with this fingerprint."""
    return Checkpoints(path, {"code": "a", "params": "b", **fingerprint})


def test_no_checkpoint_needs_no_message(tmp_path: Path) -> None:
    """Without a file there is no state, and nothing to print."""
    assert checkpoints_in(tmp_path / "none").load() == (None, "")


def test_a_checkpoint_is_read_back(tmp_path: Path) -> None:
    """Tensors, facts and place are as they were saved."""
    checkpoints_in(tmp_path / "file").save(lambda: STATE, "epoch 2, step 7")
    checkpoints = checkpoints_in(tmp_path / "file")
    state, message = checkpoints.load()
    assert state is not None
    assert torch.equal(state.tensors["model.weight"], torch.arange(3.0))
    assert state.facts == STATE.facts
    assert message.endswith(": epoch 2, step 7")
    assert checkpoints.where == "epoch 2, step 7"


def test_a_removed_checkpoint_is_gone(tmp_path: Path) -> None:
    """After removal there is no file, and removing again is no error."""
    checkpoints = checkpoints_in(tmp_path / "file")
    checkpoints.save(lambda: STATE, "epoch 2, step 7")
    checkpoints.remove()
    checkpoints.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_fingerprint_is_ignored_and_named(tmp_path: Path) -> None:
    """Where the fingerprint differs there is no state, and the message says in what."""
    checkpoints_in(tmp_path / "file").save(lambda: STATE, "epoch 2, step 7")
    state, message = checkpoints_in(tmp_path / "file", params="c").load()
    assert state is None
    assert "(epoch 2, step 7) is of another run, with other params, and ignored" in message


@pytest.mark.parametrize("damage", ["truncated", "zeroed", "empty", "foreign"])
def test_a_damaged_checkpoint_is_ignored_and_named(damage: str, tmp_path: Path) -> None:
    """A file that is cut short, overwritten or something else is no state, and the run says so."""
    path = tmp_path / "file"
    checkpoints_in(path).save(lambda: STATE, "epoch 2, step 7")
    whole = path.read_bytes()
    damaged = {
        "truncated": whole[:-1],
        "zeroed": whole[:-4] + bytes(4),
        "empty": b"",
        "foreign": b"something else\n",
    }
    path.write_bytes(damaged[damage])
    assert checkpoints_in(path).load() == (
        None,
        f"The checkpoint {path} is damaged and ignored: starting anew",
    )


def test_a_fresh_run_saves_at_an_epochs_end_only() -> None:
    """Right after the start only the end of an epoch makes a checkpoint due."""
    checkpoints = checkpoints_in(Path("file"))
    assert checkpoints.due(epoch_ends=True)
    assert not checkpoints.due(epoch_ends=False)


def test_expensive_checkpoints_are_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one that took 2 seconds, an epoch's end makes one due after 120, not after 119."""
    times = iter([0.0, 10.0, 12.0, 12.0 + 119, 12.0 + 120])
    monkeypatch.setattr("stages.train.checkpoint.perf_counter", lambda: next(times))
    checkpoints = checkpoints_in(tmp_path / "file")
    checkpoints.save(lambda: STATE, "epoch 1, step 1")
    assert not checkpoints.due(epoch_ends=True)
    assert checkpoints.due(epoch_ends=True)


def test_a_checkpoint_is_due_every_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of an epoch one is due after 60 seconds, not after 59."""
    clock = [100.0]
    monkeypatch.setattr("stages.train.checkpoint.perf_counter", lambda: clock[0])
    checkpoints = checkpoints_in(tmp_path / "file")
    clock[0] += 59
    assert not checkpoints.due(epoch_ends=False)
    clock[0] += 1
    assert checkpoints.due(epoch_ends=False)
    checkpoints.save(lambda: STATE, "epoch 1, step 1")
    assert not checkpoints.due(epoch_ends=False)


def test_what_lies_beside_a_checkpoint_goes_with_it(tmp_path: Path) -> None:
    """Files of runs before it are removed too, also of one with other params; others stay."""
    checkpoints = checkpoints_in(tmp_path / "file")
    for name in ("file_trial", "file_fold_7", "files", "other"):
        (tmp_path / name).touch()
    checkpoints.beside("fold_1").save(lambda: STATE, "finished")
    checkpoints.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "other"]
