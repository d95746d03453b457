"""Both phases of fine-tuning on a model that can learn in a second."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.base.errors import UserError
from stages.batch.batches import Batch
from stages.model.classifier import Classifier
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute
from stages.train.loop import fine_tune
from stages.train.progress import HistoryRow
from stages.train.result import TrainingResult, history_table
from tests.train.tiny_training import CPU, tiny_batches, tiny_data, tiny_model, tiny_task


def run(folder: Path, compute: Compute = CPU, **changes: Any) -> tuple[TrainingResult, Classifier]:
    """Return the result of a short run, and its model."""
    task = tiny_task(folder / "checkpoint", compute=compute, **changes)
    result = fine_tune(task, 0.02, lambda line: None)
    task.checkpoints.remove()
    return result, task.model


@pytest.mark.parametrize("changes", [{}, {"loss": "bce"}, {"train_bn": False}])
def test_it_learns(changes: dict[str, Any], tmp_path: Path) -> None:
    """A few epochs bring the error of an easy task under a tenth."""
    result, _ = run(tmp_path, **{"epochs": 5, **changes})
    assert result.epochs[-1].error_rate <= 0.1
    assert result.epochs[-1].train_loss < result.epochs[0].train_loss


def test_the_history_has_a_row_for_each_epoch(tmp_path: Path) -> None:
    """Epochs are numbered through both phases, and the learning rate ends near zero in each."""
    history = history_table(run(tmp_path)[0].epochs)
    assert list(history) == ["epoch", "phase", "lr", "train_loss", "valid_loss", "error_rate"]
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["phase"].tolist() == ["frozen", "unfrozen", "unfrozen", "unfrozen"]
    assert history["lr"].iloc[-1] < 0.02 / 2 * 0.1


def test_each_epoch_is_logged_in_a_line(tmp_path: Path) -> None:
    """The log is a line for each epoch, with its speed."""
    lines: list[str] = []
    fine_tune(tiny_task(tmp_path / "checkpoint"), 0.02, lines.append)
    assert len(lines) == 4
    assert lines[3].startswith("epoch   4 unfrozen")
    assert "images/s" in lines[3]


def test_the_history_is_told_at_the_end_of_each_epoch(tmp_path: Path) -> None:
    """Whoever listens has all epochs so far whenever one has ended."""
    told: list[list[HistoryRow]] = []
    task = tiny_task(tmp_path / "checkpoint")
    task = replace(task, epoch_ended=lambda epochs: told.append(list(epochs)))
    result = fine_tune(task, 0.02, lambda line: None)
    assert told == [result.epochs[:count] for count in (1, 2, 3, 4)]


def test_a_run_that_goes_on_tells_first_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epochs of a checkpoint are told before the next one is trained."""
    monkeypatch.setattr(Checkpoints, "due", lambda self, epoch_ends: epoch_ends)
    told: list[list[HistoryRow]] = []

    def fail_after_three(epochs: Sequence[HistoryRow]) -> None:
        told.append(list(epochs))
        if len(epochs) == 3:
            raise RuntimeError

    task = replace(tiny_task(tmp_path / "checkpoint"), epoch_ended=fail_after_three)
    for first in (1, 2):  # epochs told first; the third was trained, and not yet noted
        told.clear()
        with pytest.raises(RuntimeError):
            fine_tune(task, 0.02, lambda line: None)
        assert [len(epochs) for epochs in told] == list(range(first, 4))


def test_a_part_of_an_epoch_is_trained(tmp_path: Path) -> None:
    """With half an epoch at the end the other half of the images is not seen."""
    result, _ = run(tmp_path, epochs=0.5, freeze_epochs=0)
    assert len(result.epochs) == 1
    assert np.isnan(result.margins).tolist() == [False] * 27 + [True] * 27


def test_same_seed_same_run(tmp_path: Path) -> None:
    """Two runs of a seed end in the same model, margins and history."""
    first, first_model = run(tmp_path)
    second, second_model = run(tmp_path)
    second_state = second_model.state_dict()
    for name, tensor in first_model.state_dict().items():
        assert torch.equal(tensor, second_state[name]), name
    assert np.array_equal(first.margins, second.margins)
    assert first.epochs == second.epochs


def test_frozen_epochs_leave_the_backbone_alone(tmp_path: Path) -> None:
    """With only frozen epochs and frozen norms the backbone ends as it began."""
    _, model = run(tmp_path, epochs=0, freeze_epochs=2, train_bn=False)
    before = tiny_model().body.state_dict()
    for name, tensor in model.body.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_metrics_are_those_of_the_end(tmp_path: Path) -> None:
    """Error rate, accuracy and losses are the last epoch's, and the sentence counts images."""
    result, _ = run(tmp_path)
    last = result.epochs[-1]
    assert result.metrics() == {
        "error_rate": last.error_rate,
        "accuracy": 1 - last.error_rate,
        "train_loss": last.train_loss,
        "valid_loss": last.valid_loss,
    }
    assert str(result) == f"{last.error_rate:.1%} of 18 validation images wrong"


def test_wrong_labels_have_low_margins(tmp_path: Path) -> None:
    """Training images whose labels were swapped get lower margins than the others."""
    batches = tiny_batches(6)
    wrong = np.zeros(54, dtype=bool)
    for batch in batches:
        batch.targets[0] = (batch.targets[0] + 1) % 3
        wrong[batch.rows[0]] = True
    task = replace(tiny_task(tmp_path / "checkpoint", epochs=6), data=tiny_data(batches))
    margins = fine_tune(task, 0.02, lambda line: None).margins
    assert margins[wrong].max() < np.median(margins[~wrong])


def test_bf16_ends_like_fp32(tmp_path: Path) -> None:
    """In bf16 losses of training stay within .1 of float32, and at most 1 image in 18 differs."""
    exact, _ = run(tmp_path)
    half, _ = run(tmp_path, compute=Compute(torch.device("cpu"), torch.bfloat16))
    for exact_row, half_row in zip(exact.epochs, half.epochs, strict=True):
        assert half_row.train_loss == pytest.approx(exact_row.train_loss, abs=0.1)
    exact_predicted = exact.validation.pred_probs.argmax(axis=1)
    half_predicted = half.validation.pred_probs.argmax(axis=1)
    assert np.sum(exact_predicted != half_predicted) <= 1


def test_a_loss_that_is_no_number_names_the_last_good_checkpoint(tmp_path: Path) -> None:
    """NaN stops with the step, the rates and the place of the checkpoint, which stays."""
    batches = tiny_batches(6)
    nan_batch = replace(batches[3], images=batches[3].images * float("nan"))
    second_epoch = [*batches[:3], nan_batch, *batches[4:]]

    def train_batches(epoch: int, first_step: int) -> list[Batch]:
        return (second_epoch if epoch == 2 else batches)[first_step:]

    task = tiny_task(tmp_path / "checkpoint")
    task = replace(task, data=replace(tiny_data(), train_batches=train_batches))
    words = (
        r"nan at epoch 2, step 3, with learning rates .* to .*; the last good .* epoch 1, step 6"
    )
    with pytest.raises(UserError, match=words):
        fine_tune(task, 0.02, lambda line: None)
    assert task.checkpoints.path.is_file()
