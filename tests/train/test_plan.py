"""The plan of training: params that can train, and the phases and epochs that they mean."""

from typing import Any

import pytest
from pydantic import ValidationError

from stages.train.lr_suggest import Suggestion
from stages.train.plan import FineTuneParams, epoch_plans, phases
from stages.train.schedule import FROZEN, UNFROZEN
from tests.train.tiny_training import PARAMS, changed_params


@pytest.mark.parametrize("key", ["early_stopping", "patience"])
def test_early_stopping_is_refused_with_the_reason(key: str) -> None:
    """A one-cycle needs its end, so asking to stop before it is refused, saying why."""
    with pytest.raises(ValidationError, match=f"{key}: there is no early stopping.*its end"):
        changed_params(**{key: 3})


def test_balance_with_a_yes_or_no_of_each_class_is_refused() -> None:
    """What drawing a class more often does to a sigmoid cannot be taken back."""
    with pytest.raises(ValidationError, match="balance: full needs loss: cross_entropy"):
        changed_params(loss="bce", balance="full")
    assert changed_params(loss="bce").balance == "none"


@pytest.mark.parametrize("content", [None, 3, "fast"])
def test_an_empty_section_is_refused_as_one(content: object) -> None:
    """A section that is no mapping is refused by name, not by a failure on the way."""
    with pytest.raises(ValidationError, match="valid dictionary"):
        FineTuneParams.model_validate(content)


def test_phases_are_fastais() -> None:
    """The frozen phase has the full rate, the unfrozen half of it, each with its cycle."""
    frozen, unfrozen = phases(PARAMS, 0.02, 3)
    assert frozen.cycle == FROZEN
    assert frozen.peaks == pytest.approx([0.002, 0.002, 0.02])
    assert unfrozen.cycle == UNFROZEN
    assert unfrozen.peaks == pytest.approx([0.005, 0.01 / 2**0.5, 0.01])


def test_a_phase_of_no_epochs_is_left_out() -> None:
    """No frozen epochs, no frozen phase; no unfrozen ones, no unfrozen phase."""
    no_frozen = phases(changed_params(freeze_epochs=0), 0.02, 2)
    no_unfrozen = phases(changed_params(epochs=0), 0.02, 2)
    assert [p.name for p in no_frozen] == ["unfrozen"]
    assert [p.name for p in no_unfrozen] == ["frozen"]


def test_epochs_are_numbered_through_both_phases() -> None:
    """Numbers count from 1 over all phases, and from 0 inside each."""
    plans = epoch_plans(phases(PARAMS, 0.02, 2), 6)
    assert [(plan.number, plan.phase.name, plan.epoch_in_phase) for plan in plans] == [
        (1, "frozen", 0), (2, "unfrozen", 0), (3, "unfrozen", 1), (4, "unfrozen", 2),
    ]  # fmt: skip


def test_the_last_epoch_may_be_a_part() -> None:
    """A phase of 2.5 epochs of six steps ends after 15, at the rates of the end."""
    plans = epoch_plans(phases(changed_params(epochs=2.5), 0.02, 2), 6)
    assert [plan.steps for plan in plans] == [6, 6, 6, 3]
    whole = epoch_plans(phases(changed_params(epochs=5), 0.02, 2), 3)
    assert plans[3].rates(3) == whole[-1].rates(3)


@pytest.mark.parametrize(
    ("epochs", "steps"), [(0.001, [1]), (0.1, [1]), (1.0, [6]), (1.01, [6]), (1.2, [6, 1])]
)
def test_a_phase_takes_whole_steps(epochs: float, steps: list[int]) -> None:
    """Epochs are rounded to steps, of which there is at least one."""
    params = changed_params(epochs=epochs, freeze_epochs=0)
    assert [plan.steps for plan in epoch_plans(phases(params, 0.02, 2), 6)] == steps


def test_rates_go_on_from_epoch_to_epoch() -> None:
    """The step after an epoch's last has the rates of the next epoch's first."""
    first, second = epoch_plans(phases(PARAMS, 0.02, 2), 6)[1:3]
    assert first.rates(6) == second.rates(0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0, "freeze_epochs": 0}, "nothing would be trained"),
        ({"images_seen": 0}, "greater than or equal to 1"),
        ({"images_seen": "many"}, "auto"),
        ({"base_lr": 0.0}, "greater than 0"),
        ({"base_lr": 10.5}, "less than or equal to 10"),
        ({"base_lr": "fast"}, "find"),
        ({"batch_size": 1}, "greater than or equal to 2"),
        ({"accumulate": 0}, "greater than or equal to 1"),
        ({"batch_size": 9, "accumulate": 5}, "accumulate: 5 parts .* set at most 4"),
        ({"early_stopping": True}, "early_stopping"),
    ],
)
def test_impossible_params_are_refused(changes: dict[str, Any], words: str) -> None:
    """Params that cannot train are refused with the reason."""
    with pytest.raises(ValidationError, match=words):
        changed_params(**changes)


def test_find_takes_the_answer_of_the_rule() -> None:
    """For find the answer of lr_rule is taken from the suggestion; a number stands."""
    rules = {"valley": 0.001, "steep": 0.01}
    suggestion = Suggestion(consensus=0.002, spread=0.5, rules=rules)
    assert changed_params(base_lr="find").choose_lr(suggestion) == 0.002
    assert changed_params(base_lr="find", lr_rule="valley").choose_lr(suggestion) == 0.001
    assert changed_params(base_lr=0.02).choose_lr(suggestion) == 0.02
