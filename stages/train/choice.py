"""The choice of a recipe, by a trial where the probes leave it open, and of its learning rate."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count

import numpy as np

from stages.model.probe import Probe
from stages.model.probe_head import start_from_probe
from stages.train.candidates import Candidates
from stages.train.checkpoint import Checkpoints
from stages.train.distributed import synchronize_batch_norm
from stages.train.lr_find_params import LrFindParams
from stages.train.lr_range import SweepPoint, sweep
from stages.train.lr_suggest import Suggestion, suggest, suggestion_from_params
from stages.train.param_groups import freeze, unfreeze
from stages.train.probe_start import ProbeStart
from stages.train.recipe import FAR_FROM_PROBE, Recipe
from stages.train.run import RunInputs, RunParams, TrainingRun, open_run
from stages.train.step import make_trainer
from stages.train.trial import Trial, can_try, try_anew, try_fine_tuning


@dataclass(frozen=True, kw_only=True)
class FoundRate:
    """The answers to a sweep, and its curve, which is empty where the rate is named."""

    suggestion: Suggestion
    curve: list[SweepPoint]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A recipe, its rate, and the trial that decided, if one did."""

    recipe: Recipe
    rate: FoundRate
    trial: Trial | None


def choose(
    start: ProbeStart,
    options: Candidates,
    read_params: Callable[[Recipe], RunParams],
    inputs: RunInputs,
    lr_find: LrFindParams,
    log: Callable[[str], None],
) -> Choice:
    """Choose a recipe and find its rate; photos are opened only where something learns."""
    anew = options.anew
    tried = _try_anew(start, anew, read_params, inputs, lr_find, log) if anew else None
    trial = tried.trial if tried else None
    if trial and _is_open(trial, options.otherwise):
        other = open_run(read_params(options.otherwise), inputs)
        trial = trial.beside(_try_from_probe(start, other, lr_find, log))
    if trial and inputs.rank.first:
        log(str(trial))
    if anew and tried and trial and trial.errs_least:
        choice = Choice(recipe=anew, rate=tried.rate, trial=trial)
    else:
        recipe = options.otherwise if trial else options.likely
        rate = _rate_of(recipe, read_params, inputs, lr_find, start)
        choice = Choice(recipe=recipe, rate=rate, trial=trial)
    if tried and inputs.rank.first:
        tried.checkpoints.remove()
    return choice


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """Learning anew as it was tried; its photos and its model are let go of."""

    rate: FoundRate
    trial: Trial
    checkpoints: Checkpoints


def _try_anew(
    start: ProbeStart,
    anew: Recipe,
    read_params: Callable[[Recipe], RunParams],
    inputs: RunInputs,
    lr_find: LrFindParams,
    log: Callable[[str], None],
) -> _Tried | None:
    """Try learning anew; None without fine_tune.trial, or with too few images."""
    params = read_params(anew)
    if not params.fine_tune.trial:
        return None
    run = open_run(params, inputs).without_average()
    if not can_try(start, run.task, run.loaders):
        return None
    rate = find_rate(run, lr_find, None)
    trial = try_anew(start, run, run.task.params.choose_lr(rate.suggestion), log)
    return _Tried(rate=rate, trial=trial, checkpoints=run.task.checkpoints)


def _is_open(trial: Trial, otherwise: Recipe) -> bool:
    """Return whether learning anew, which errs less than the probe, may err more than otherwise.

    Where it is significantly better than the probe, as of digits, hands and signs, it was always
    the best of the three: a second trial would take time for nothing. Of flowers it was ahead by
    chance once, and left 43 % wrong where the probe left 32.
    """
    far = otherwise.name == FAR_FROM_PROBE.name
    return far and trial.errs_least and trial.comparison.verdict != "better"


def _try_from_probe(
    start: ProbeStart, run: TrainingRun, lr_find: LrFindParams, log: Callable[[str], None]
) -> Trial:
    """Try training from the probe on the same held-out images, to the trial's end.

    fine_tune tries the same again, against the probe: 40 seconds of a set of 300 photos.
    """
    rate = find_rate(run, lr_find, start.trial_probe)
    base_lr = run.task.params.choose_lr(rate.suggestion)
    return try_fine_tuning(start, run, base_lr, log, to_its_end=True)


def _rate_of(
    recipe: Recipe,
    read_params: Callable[[Recipe], RunParams],
    inputs: RunInputs,
    lr_find: LrFindParams,
    start: ProbeStart,
) -> FoundRate:
    """Return the rate of the recipe that was chosen; photos are opened for a sweep alone."""
    params = read_params(recipe)
    if params.fine_tune.base_lr != "find":
        return FoundRate(suggestion=suggestion_from_params(params.fine_tune.base_lr), curve=[])
    probe = start.without_first_fold() if recipe.from_probe else None
    return find_rate(open_run(params, inputs), lr_find, probe)


def find_rate(run: TrainingRun, lr_find: LrFindParams, probe: Probe | None) -> FoundRate:
    """Return the rate that the params of a run name, or that a sweep of its first phase suggests.

    probe: what the head starts from, if not from itself. The run stays as it was.
    """
    base_lr = run.task.params.base_lr
    if base_lr != "find":
        return FoundRate(suggestion=suggestion_from_params(base_lr), curve=[])
    curve = _sweep_first_phase(run, lr_find, probe)
    suggestion = suggest(
        np.array([point.lr for point in curve]),
        np.array([point.smoothed for point in curve]),
        np.array([point.loss for point in curve]),
        lr_find.steps,
    )
    return FoundRate(suggestion=suggestion, curve=curve)


def _sweep_first_phase(
    run: TrainingRun, lr_find: LrFindParams, probe: Probe | None
) -> list[SweepPoint]:
    """Return the curve of the head alone, or without freeze_epochs of all layers that learn."""
    task = run.task
    params = task.params
    synchronize_batch_norm(task.model, task.compute)
    if probe:
        start_from_probe(task.model, probe)
    if params.freeze_epochs > 0:
        freeze(task.model, params.train_bn)
    else:
        unfreeze(task.model, params.train_bn, params.frozen_share)
    trainer = make_trainer(
        task.model,
        task.compute,
        params.loss,
        params.label_smoothing,
        params.accumulate,
        run.loaders.log_ratios,
    )
    epochs = (run.loaders.train_batches(epoch, 0) for epoch in count(1))
    return sweep(trainer, params.train_bn, chain.from_iterable(epochs), lr_find, task.seed)
