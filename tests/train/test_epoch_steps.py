"""The steps of an epoch, looked at one step later than they end, as on a GPU."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.batch.batches import Batch
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import fine_tune
from stages.train.training_data import TrainingTask
from tests.train.tiny_training import tiny_batches, tiny_data, tiny_task


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at each step after the next one has begun."""
    monkeypatch.setattr(Compute, "steps_late", 1)


def end_of(task: TrainingTask) -> dict[str, bytes]:
    """Train to the end, and return the bytes of all that it gives."""
    result = fine_tune(task, 0.02, lambda line: None)
    tensors = {name: value.numpy().tobytes() for name, value in task.model.state_dict().items()}
    return tensors | {
        "margins": result.margins.tobytes(),
        "pred_probs": result.validation.pred_probs.tobytes(),
        "epochs": repr(result.epochs).encode(),
    }


def interrupted_before(task: TrainingTask, at: int) -> TrainingTask:
    """Return the task with batches that send a signal before one of them, over all epochs."""
    count = 0

    def batches(epoch: int, first_step: int) -> Iterator[Batch]:
        nonlocal count
        for batch in tiny_batches(6)[first_step:]:
            if count == at:
                os.kill(os.getpid(), signal.SIGTERM)
            count += 1
            yield batch

    return replace(task, data=replace(task.data, train_batches=batches))


def test_looking_late_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, margins, history and predictions have the same bytes."""
    at_once = end_of(tiny_task(tmp_path / "at once"))
    monkeypatch.setattr(Compute, "steps_late", 1)
    assert end_of(tiny_task(tmp_path / "late")) == at_once


@pytest.mark.parametrize("at", [0, 1, 3, 6, 7, 22])
@pytest.mark.usefixtures("late")
def test_a_stop_takes_account_of_every_step_begun(at: int, tmp_path: Path) -> None:
    """A run that is stopped names the steps that it took, and goes on to the same bytes."""
    whole = end_of(tiny_task(tmp_path / "whole"))
    task = tiny_task(tmp_path / "checkpoint")
    with pytest.raises(KeyboardInterrupt, match=f"epoch {at // 6 + 1}, step {at % 6}, which"):
        fine_tune(interrupted_before(task, at), 0.02, lambda line: None)
    assert end_of(tiny_task(tmp_path / "checkpoint")) == whole


def test_an_epoch_whose_steps_were_all_taken_has_no_speed(tmp_path: Path) -> None:
    """Stopped behind its last step, an epoch that goes on says that it is trained already."""
    data = tiny_data()

    def stopped() -> Iterator[Batch]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield from data.valid_batches()

    task = tiny_task(tmp_path / "checkpoint", epochs=1)
    interrupted = replace(task, data=replace(data, valid_batches=stopped))
    with pytest.raises(KeyboardInterrupt, match="epoch 1, step 6"):
        fine_tune(interrupted, 0.02, lambda line: None)
    lines: list[str] = []
    fine_tune(tiny_task(tmp_path / "checkpoint", epochs=1), 0.02, lines.append)
    [first, second] = [line for line in lines if line.endswith(")")]
    assert first.endswith("(trained already)")
    assert second.endswith("waiting for input)")


@pytest.mark.usefixtures("late")
def test_a_checkpoint_takes_account_of_every_step_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved after every step, a checkpoint names each step once, and none is left out."""
    places: list[str] = []
    monkeypatch.setattr(Checkpoints, "due", lambda self, epoch_ends: not epoch_ends)
    monkeypatch.setattr(Checkpoints, "save", lambda self, make_state, where: places.append(where))
    fine_tune(tiny_task(tmp_path / "checkpoint", epochs=1), 0.02, lambda line: None)
    assert places == [f"epoch {epoch}, step {step}" for epoch in (1, 2) for step in range(1, 7)]


@pytest.mark.parametrize("broken", [0, 3, 5])
@pytest.mark.usefixtures("late")
def test_a_loss_that_is_no_number_is_never_saved(
    broken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a checkpoint is due, the error comes first, and names the step that failed."""
    batches = tiny_batches(6)
    batches[broken] = replace(batches[broken], images=batches[broken].images * float("nan"))
    places: list[str] = []
    monkeypatch.setattr(Checkpoints, "due", lambda self, epoch_ends: True)
    monkeypatch.setattr(Checkpoints, "save", lambda self, make_state, where: places.append(where))
    task = replace(tiny_task(tmp_path / "checkpoint"), data=tiny_data(batches))
    with pytest.raises(UserError, match=f"nan at epoch 1, step {broken}"):
        fine_tune(task, 0.02, lambda line: None)
    assert len(places) == broken


@pytest.mark.usefixtures("late")
def test_a_late_loss_that_is_no_number_stops_training(tmp_path: Path) -> None:
    """Where nothing is saved, the step after it was begun, and the error names the right one."""
    batches = tiny_batches(6)
    batches[2] = replace(batches[2], images=batches[2].images * float("nan"))
    task = replace(tiny_task(tmp_path / "checkpoint"), data=tiny_data(batches))
    with pytest.raises(UserError, match="nan at epoch 1, step 2"):
        fine_tune(task, 0.02, lambda line: None)


def test_the_next_epoch_begins_with_validation(tmp_path: Path) -> None:
    """Its batches are asked for once, after those of validation and before they are used."""
    order: list[str] = []
    data = tiny_data()

    def train_batches(epoch: int, first_step: int) -> list[Batch]:
        order.append(f"epoch {epoch} from {first_step}")
        return list(data.train_batches(epoch, first_step))

    def valid_batches() -> Iterable[Batch]:
        order.append("validation")
        return map(used, data.valid_batches())

    def used(batch: Batch) -> Batch:
        if order[-1] != "used":
            order.append("used")
        return batch

    recorded = replace(data, train_batches=train_batches, valid_batches=valid_batches)
    task = replace(tiny_task(tmp_path / "checkpoint", epochs=1), data=recorded)
    result = fine_tune(task, 0.02, lambda line: None)
    assert order == [
        *("epoch 1 from 0", "validation", "epoch 2 from 0", "used"),
        *("validation", "used"),
    ]
    assert np.isfinite(result.margins).all()
