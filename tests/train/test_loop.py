"""Both phases of fine-tuning on a model that can learn in a second."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from stages.train.infer import predict
from stages.train.loop import FineTuneParams, Margins, fine_tune, phases
from stages.train.schedule import FROZEN, UNFROZEN
from tests.train.tiny import CPU, tiny_batches, tiny_model

GOOD = {
    "epochs": 3, "freeze_epochs": 1, "base_lr": 0.02, "lr_rule": "consensus", "lr_mult": 2.0,
    "batch_size": 9, "precision": "fp32", "train_bn": True, "loss": "cross_entropy",
    "label_smoothing": 0.0,
}  # fmt: skip


def run(seed: int = 1, **changes):
    """Return the epochs, the model and the margins of a short run."""
    params = FineTuneParams(**{**GOOD, **changes})
    model, margins, held = tiny_model(), Margins(54), tiny_batches(2, seed=9)
    epochs = list(
        fine_tune(
            model, params, 0.02, CPU,
            batches=lambda epoch: tiny_batches(6, seed=0),
            steps=6,
            evaluate=lambda: predict(model, held, CPU, params.loss),
            margins=margins, seed=seed,
        )
    )  # fmt: skip
    return epochs, model, margins


TARGETS = np.concatenate([b.targets.numpy() for b in tiny_batches(2, seed=9)])


@pytest.mark.parametrize("changes", [{}, {"loss": "bce"}, {"train_bn": False}])
def test_it_learns(changes: dict) -> None:
    """A few epochs bring the error of an easy task under a tenth."""
    epochs, _, _ = run(**{"epochs": 5, **changes})
    assert epochs[-1].row(TARGETS)["error_rate"] <= 0.1
    assert epochs[-1].train_loss < epochs[0].train_loss


@pytest.mark.parametrize("key", ["early_stopping", "patience"])
def test_early_stopping_is_refused_with_the_reason(key: str) -> None:
    """A one-cycle needs its end, so asking to stop before it is refused, saying why."""
    with pytest.raises(ValidationError, match=f"{key}: there is no early stopping.*its end"):
        FineTuneParams(**GOOD, **{key: 3})


def test_epochs_tell_their_phase() -> None:
    """Epochs are numbered through both phases, and the rate ends near zero in each."""
    epochs, _, _ = run()
    assert [e.number for e in epochs] == [1, 2, 3, 4]
    assert [e.phase for e in epochs] == ["frozen"] + ["unfrozen"] * 3
    assert epochs[-1].lr < 0.02 / 2 * 0.1
    assert "epoch   4 unfrozen" in epochs[-1].line(TARGETS)


def test_same_seed_same_run() -> None:
    """Two runs of a seed end in the same model and margins."""
    (_, first, a), (_, second, b) = run(), run()
    assert all(
        torch.equal(x, y) for x, y in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert np.array_equal(a.mean(), b.mean())


def test_frozen_epochs_leave_the_body_alone() -> None:
    """With only frozen epochs and frozen norms the body ends as it began."""
    _, model, _ = run(epochs=0, freeze_epochs=2, train_bn=False)
    for a, b in zip(
        model.body.state_dict().values(), tiny_model().body.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


def test_phases_are_fastais() -> None:
    """The frozen phase has the full rate, the unfrozen half of it, each with its cycle."""
    frozen, unfrozen = phases(FineTuneParams(**GOOD), 0.02, 3)
    assert (frozen.cycle, frozen.peaks) == (FROZEN, pytest.approx([0.002, 0.002, 0.02]))
    assert unfrozen.cycle == UNFROZEN
    assert unfrozen.peaks == pytest.approx([0.005, 0.01 / 2**0.5, 0.01])


def test_a_phase_of_no_epochs_is_left_out() -> None:
    """No frozen epochs, no frozen phase; no unfrozen ones, no unfrozen phase."""
    no_frozen = phases(FineTuneParams(**{**GOOD, "freeze_epochs": 0}), 0.02, 2)
    no_unfrozen = phases(FineTuneParams(**{**GOOD, "epochs": 0}), 0.02, 2)
    assert [p.name for p in no_frozen] == ["unfrozen"]
    assert [p.name for p in no_unfrozen] == ["frozen"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0, "freeze_epochs": 0}, "nothing would be trained"),
        ({"base_lr": 0.0}, "above 0"),
        ({"base_lr": "fast"}, "auto"),
        ({"batch_size": 1}, "greater than or equal to 2"),
        ({"early_stopping": True}, "early_stopping"),
    ],
)
def test_impossible_params_are_refused(changes: dict, words: str) -> None:
    """Params that cannot train are refused with the reason."""
    with pytest.raises(ValidationError, match=words):
        FineTuneParams(**{**GOOD, **changes})


def test_choose_lr() -> None:
    """auto takes the answer of lr_rule from the suggestion; a number stands."""
    suggestion = {"consensus": 0.002, "rules": {"valley": 0.001, "steep": 0.01}}
    auto = FineTuneParams(**{**GOOD, "base_lr": "auto"})
    assert auto.choose_lr(suggestion) == 0.002
    assert auto.model_copy(update={"lr_rule": "valley"}).choose_lr(suggestion) == 0.001
    assert FineTuneParams(**GOOD).choose_lr(suggestion) == 0.02


def test_margins_are_means_over_epochs() -> None:
    """An image's margin is the mean over the epochs that showed it, and NaN if none did."""
    margins = Margins(3)
    margins.add(np.array([0, 1]), np.array([0.5, -0.5]))
    margins.add(np.array([1]), np.array([0.1]))
    assert margins.mean() == pytest.approx([0.5, -0.2, np.nan], nan_ok=True)


def test_wrong_labels_have_low_margins() -> None:
    """Training images whose labels were swapped get lower margins than the others."""
    params = FineTuneParams(**{**GOOD, "epochs": 6})
    batches = tiny_batches(6)
    wrong = np.zeros(54, dtype=bool)
    for batch in batches:
        batch.targets[0] = (batch.targets[0] + 1) % 3
        wrong[batch.rows[0]] = True
    model, margins = tiny_model(), Margins(54)
    list(
        fine_tune(
            model, params, 0.02, CPU, lambda epoch: batches, 6,
            lambda: predict(model, batches, CPU, "cross_entropy"), margins, 1,
        )
    )  # fmt: skip
    assert margins.mean()[wrong].max() < np.median(margins.mean()[~wrong])
