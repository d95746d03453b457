"""Which recipe is chosen, by a trial or without one, and at which rate it learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.base.errors import UserError
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import DataLoaders
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.model.probe_head import start_from_probe
from stages.train.candidates import Candidates
from stages.train.choice import Choice, choose, find_rate
from stages.train.lr_find_params import LrFindParams
from stages.train.lr_suggest import FALLBACK
from stages.train.probe_start import ProbeStart
from stages.train.recipe import (
    DEEP,
    FAR_FROM_PROBE,
    FROM_PROBE,
    HEAD_FIRST,
    Recipe,
)
from stages.train.run import RunParams, TrainingRun, open_run
from tests.train.test_run import PARAMS, run_inputs
from tests.train.test_trial import loaders, probe_start, silent, with_answers

SWEEP = LrFindParams(steps=20, start=1e-5, end=1.0)
BOTH = Candidates(anew=DEEP, otherwise=FROM_PROBE, likely=FROM_PROBE)
FAR = Candidates(anew=DEEP, otherwise=FAR_FROM_PROBE, likely=DEEP)


def params_of(recipe: Recipe, **changes: object) -> RunParams:
    """Return the params of a tiny model, of which the recipe sets the rate."""
    update = {"base_lr": recipe.base_lr, "epochs": 3, "freeze_epochs": 0, "trial": True, **changes}
    return replace(PARAMS, fine_tune=PARAMS.fine_tune.model_copy(update=update))


def opened(folder: Path, **changes: object) -> TrainingRun:
    """Return a run of these params."""
    return open_run(params_of(DEEP, **changes), run_inputs(folder))


def chosen(folder: Path, right: bool, options: Candidates = BOTH, **changes: object) -> Choice:
    """Return the choice against a probe that has all held-out images right, or wrong."""
    start = with_answers(probe_start(opened(folder), loaders()), right)
    return choose(
        start, options, lambda recipe: params_of(recipe, **changes), run_inputs(folder), SWEEP,
        silent,
    )  # fmt: skip


def test_learning_anew_is_chosen_where_it_errs_least(tmp_path: Path) -> None:
    """Its rate comes from a sweep, and the trial's checkpoint is gone."""
    choice = chosen(tmp_path, right=False)
    assert choice.recipe == DEEP
    assert choice.trial is not None
    assert choice.trial.errs_least
    assert len(choice.rate.curve) > 10
    assert not choice.rate.suggestion.skipped
    assert list(tmp_path.iterdir()) == []


def test_the_probe_is_the_start_where_learning_anew_errs_no_less(tmp_path: Path) -> None:
    """The rate is then the one that the recipe names, without a sweep."""
    choice = chosen(tmp_path, right=True)
    assert choice.recipe == FROM_PROBE
    assert choice.trial is not None
    assert not choice.trial.errs_least
    assert choice.rate.curve == []
    assert choice.rate.suggestion.consensus == FROM_PROBE.base_lr


def with_wrong(start: ProbeStart, wrong: int) -> ProbeStart:
    """Return the probes as if the trial's had so many of the held-out images wrong."""
    return replace(start, held_out_right=np.arange(len(start.held_out)) >= wrong)


def answering_alike(start: ProbeStart) -> ProbeStart:
    """Return the probes with one for the trial that answers one class whatever it sees."""
    biases = np.array([9.0, 0.0, 0.0])
    weights = np.zeros_like(start.trial_probe.weights)
    return replace(start, trial_probe=replace(start.trial_probe, weights=weights, biases=biases))


@pytest.mark.parametrize("good", [True, False])
def test_a_small_lead_over_the_probe_is_held_against_training_from_it(
    tmp_path: Path, good: bool
) -> None:
    """Learning anew, a little ahead, is chosen only where training from the probe errs on more."""
    start = with_wrong(probe_start(opened(tmp_path), loaders()), 12)
    if not good:
        start = answering_alike(start)
    lines: list[str] = []
    choice = choose(
        start, FAR, lambda recipe: params_of(recipe, base_lr=rate_of(recipe), epochs=6),
        run_inputs(tmp_path), SWEEP, lines.append,
    )  # fmt: skip
    assert choice.trial is not None
    assert choice.trial.errors < 12
    assert choice.trial.comparison.verdict == "cannot tell"
    assert choice.trial.other_errors is not None
    assert (choice.trial.other_errors <= choice.trial.errors) == good
    assert choice.recipe == (FAR_FROM_PROBE if good else DEEP)
    assert f"training from the probe errs on {choice.trial.other_errors}" in lines[-1]
    assert list(tmp_path.iterdir()) == []


def rate_of(recipe: Recipe) -> float | str:
    """Return the rate of a recipe; from the probe one so small that its answers stay."""
    return 1e-9 if recipe.from_probe else recipe.base_lr


@pytest.mark.parametrize(
    ("options", "wrong", "recipe"),
    [(FAR, 24, DEEP), (BOTH, 12, DEEP), (FAR, 0, FAR_FROM_PROBE)],
)
def test_a_clear_lead_a_good_probe_or_no_lead_needs_no_second_trial(
    tmp_path: Path, options: Candidates, wrong: int, recipe: Recipe
) -> None:
    """It is chosen where it is significantly better or little would change, else the other."""
    start = with_wrong(probe_start(opened(tmp_path), loaders()), wrong)
    choice = choose(
        start, options, lambda recipe: params_of(recipe, epochs=6), run_inputs(tmp_path), SWEEP,
        silent,
    )  # fmt: skip
    assert choice.recipe == recipe
    assert choice.trial is not None
    assert choice.trial.other_errors is None


def test_without_a_trial_the_likely_recipe_is_taken(tmp_path: Path) -> None:
    """With fine_tune.trial: false, or with nothing to try, no photo is learned from."""
    assert chosen(tmp_path, right=False, trial=False).recipe == FROM_PROBE
    settled = Candidates(anew=None, otherwise=HEAD_FIRST, likely=HEAD_FIRST)
    choice = chosen(tmp_path, right=False, options=settled)
    assert (choice.recipe, choice.trial) == (HEAD_FIRST, None)


def test_photos_stay_closed_where_nothing_learns(tmp_path: Path) -> None:
    """A recipe that names its rate, without a trial, opens no photo."""

    def closed(render: RenderSpec, augment: AugmentParams, plan: BatchPlan) -> DataLoaders:
        raise UserError("a photo was opened")

    start = probe_start(opened(tmp_path), loaders())
    inputs = replace(run_inputs(tmp_path), open_loaders=closed)
    settled = Candidates(anew=None, otherwise=FROM_PROBE, likely=FROM_PROBE)
    assert choose(start, settled, params_of, inputs, SWEEP, silent).recipe == FROM_PROBE
    with pytest.raises(UserError, match="a photo was opened"):
        choose(start, BOTH, params_of, inputs, SWEEP, silent)


def test_a_named_rate_makes_no_sweep(tmp_path: Path) -> None:
    """A number in the params is taken as it is, and no rule has an answer."""
    found = find_rate(opened(tmp_path, base_lr=0.03), SWEEP, None)
    assert found.suggestion.skipped
    assert found.suggestion.consensus == 0.03
    assert found.suggestion.rules == {}


@pytest.mark.parametrize("freeze_epochs", [0, 1])
def test_the_sweep_is_of_the_first_phase(freeze_epochs: int, tmp_path: Path) -> None:
    """Filters learn in it exactly where there is no phase of the head alone."""
    run = opened(tmp_path, freeze_epochs=freeze_epochs, frozen_share=0.0)
    found = find_rate(run, SWEEP, None)
    filters = [tensor for tensor in run.task.model.parameters() if tensor.ndim == 4]
    assert {tensor.requires_grad for tensor in filters} == {freeze_epochs == 0}
    assert found.suggestion.consensus > 0
    assert found.suggestion.consensus != FALLBACK or found.suggestion.reason


def test_a_sweep_from_the_probe_starts_with_its_loss(tmp_path: Path) -> None:
    """With a probe the first loss is that of its head, and afterwards its weights stand."""
    run = opened(tmp_path, freeze_epochs=1)
    data = loaders()
    start = probe_start(run, data)
    from_zero = find_rate(opened(tmp_path, freeze_epochs=1), SWEEP, None)
    from_probe = find_rate(run, SWEEP, start.probe)
    assert np.isclose(from_zero.curve[0].loss, np.log(3), atol=0.05)
    assert from_probe.curve[0].loss < from_zero.curve[0].loss
    expected = opened(tmp_path, freeze_epochs=1).task.model
    start_from_probe(expected, start.probe)
    for name, tensor in expected.state_dict().items():
        assert torch.equal(run.task.model.state_dict()[name], tensor), name
