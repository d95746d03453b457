"""Both phases of fine-tuning on a model that can learn in a second."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.base.errors import UserError
from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.loop import TrainingResult, fine_tune
from tests.train.tiny import tiny_batches, tiny_data, tiny_model, tiny_task


def run(folder: Path, seed: int = 1, **changes) -> tuple[TrainingResult, Classifier]:
    """Return what a short run gives, and its model."""
    task = tiny_task(folder / "checkpoint", seed, **changes)
    trained = fine_tune(task, 0.02, lambda line: None)
    task.kept.remove()
    return trained, task.model


@pytest.mark.parametrize("changes", [{}, {"loss": "bce"}, {"train_bn": False}])
def test_it_learns(changes: dict, tmp_path: Path) -> None:
    """A few epochs bring the error of an easy task under a tenth."""
    trained, _ = run(tmp_path, **{"epochs": 5, **changes})
    assert trained.epochs[-1].error_rate <= 0.1
    assert trained.epochs[-1].train_loss < trained.epochs[0].train_loss


def test_epochs_tell_their_phase(tmp_path: Path) -> None:
    """Epochs are numbered through both phases, and the rate ends near zero in each."""
    trained, _ = run(tmp_path)
    assert [e.epoch for e in trained.epochs] == [1, 2, 3, 4]
    assert [e.phase for e in trained.epochs] == ["frozen"] + ["unfrozen"] * 3
    assert trained.epochs[-1].lr < 0.02 / 2 * 0.1


def test_each_epoch_is_a_line(tmp_path: Path) -> None:
    """What is told is a line an epoch, with its speed."""
    lines: list[str] = []
    fine_tune(tiny_task(tmp_path / "checkpoint"), 0.02, lines.append)
    assert len(lines) == 4
    assert lines[3].startswith("epoch   4 unfrozen")
    assert "images/s" in lines[3]


def test_same_seed_same_run(tmp_path: Path) -> None:
    """Two runs of a seed end in the same model, margins and history."""
    (a, first), (b, second) = run(tmp_path), run(tmp_path)
    assert all(
        torch.equal(x, y) for x, y in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert np.array_equal(a.margins, b.margins)
    assert a.epochs == b.epochs


def test_frozen_epochs_leave_the_body_alone(tmp_path: Path) -> None:
    """With only frozen epochs and frozen norms the body ends as it began."""
    _, model = run(tmp_path, epochs=0, freeze_epochs=2, train_bn=False)
    for a, b in zip(
        model.body.state_dict().values(), tiny_model().body.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


def test_the_metrics_are_those_of_the_end(tmp_path: Path) -> None:
    """Error rate, accuracy and losses are the last epoch's, and the sentence counts images."""
    trained, _ = run(tmp_path)
    last = trained.epochs[-1]
    assert trained.metrics() == {
        "error_rate": last.error_rate,
        "accuracy": 1 - last.error_rate,
        "train_loss": last.train_loss,
        "valid_loss": last.valid_loss,
    }
    assert str(trained) == f"{last.error_rate:.1%} of 18 validation images wrong"


def test_wrong_labels_have_low_margins(tmp_path: Path) -> None:
    """Training images whose labels were swapped get lower margins than the others."""
    batches = tiny_batches(6)
    wrong = np.zeros(54, dtype=bool)
    for batch in batches:
        batch.targets[0] = (batch.targets[0] + 1) % 3
        wrong[batch.rows[0]] = True
    task = tiny_task(tmp_path / "checkpoint", epochs=6)._replace(data=tiny_data(batches))
    margins = fine_tune(task, 0.02, lambda line: None).margins
    assert margins[wrong].max() < np.median(margins[~wrong])


def test_bf16_ends_like_fp32(tmp_path: Path) -> None:
    """In bf16 losses of training stay within .1 of float32, and at most 1 image in 18 differs."""
    exact, _ = run(tmp_path)
    half, _ = run(tmp_path, compute=Compute(torch.device("cpu"), torch.bfloat16))
    for a, b in zip(exact.epochs, half.epochs, strict=True):
        assert b.train_loss == pytest.approx(a.train_loss, abs=0.1)
    said = [trained.held.pred_probs.argmax(1) for trained in (exact, half)]
    assert np.sum(said[0] != said[1]) <= 1


def test_a_loss_that_is_no_number_names_the_last_good_checkpoint(tmp_path: Path) -> None:
    """NaN stops with the step, the rates and what the checkpoint holds, which stays."""
    batches = tiny_batches(6)
    data = tiny_data()
    spoilt = batches[3]._replace(images=batches[3].images * float("nan"))
    later = [*batches[:3], spoilt, *batches[4:]]
    task = tiny_task(tmp_path / "checkpoint")._replace(
        data=data._replace(batches=lambda epoch, first: (later if epoch == 2 else batches)[first:])
    )
    words = (
        r"nan at epoch 2, step 3, with learning rates .* to .*; the last good .* epoch 1, step 6"
    )
    with pytest.raises(UserError, match=words):
        fine_tune(task, 0.02, lambda line: None)
    assert task.kept.path.is_file()
