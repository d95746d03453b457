"""Fine-tuning: the head alone for a cycle, then the whole model for another."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Never

import numpy as np
from tqdm import tqdm

from stages.base.seed import derive_int
from stages.batch.batches import Batch
from stages.train.checkpoint import (
    CheckpointState,
    checkpoint_state,
    restore,
    restored_progress,
)
from stages.train.distributed import (
    StepOutcome,
    broadcast,
    merge_predictions,
    merge_steps,
    share_statistics,
    synchronize_batch_norm,
    wait_for_all,
)
from stages.train.infer import Inference, predict_batches
from stages.train.input_wait import TimedIterator
from stages.train.interrupt import Interrupted, StopRequest
from stages.train.memory import memory_advice
from stages.train.param_groups import freeze, layer_groups, train_mode, unfreeze
from stages.train.plan import EpochPlan, Phase, epoch_plans, phases
from stages.train.progress import HistoryPhase, HistoryRow, Margins, Progress
from stages.train.result import TrainingResult
from stages.train.step import Trainer, make_trainer, refuse_nonfinite
from stages.train.training_data import TrainingTask
from stages.train.weight_average import average_weights, copy_weights


def fine_tune(
    task: TrainingTask,
    base_lr: float,
    log: Callable[[str], None],
    enough: Callable[[Inference], bool] | None = None,
) -> TrainingResult:
    """Train the model through both phases, from its checkpoint on if there is one.

    log takes a line for each epoch; enough: whether training may end with an epoch of the last
    phase, by its validation. Asked to stop, the run saves a checkpoint and raises
    KeyboardInterrupt.
    """
    groups = len(layer_groups(task.model))
    plans = epoch_plans(phases(task.params, base_lr, groups), task.data.steps)
    synchronize_batch_norm(task.model, task.compute)
    start = copy_weights(task.model)
    together = task.compute.rank.count > 1
    with StopRequest(together) as stop, memory_advice(task.params.batch_size):
        state, progress = _begin(task, log)
        remaining = [plan for plan in plans if plan.number >= progress.epoch]
        run = _Run(task, progress, stop, _progress_bar(task, plans, progress), log)
        with run.bar:
            for phase, plans_of_phase in groupby(remaining, lambda plan: plan.phase):
                trainer = _trainer(task, phase, state)
                state = None  # a later phase starts with a fresh optimizer
                for plan in plans_of_phase:
                    validation = _epoch(run, trainer, plan)
                    if enough and phase is plans[-1].phase and enough(validation):
                        return TrainingResult(progress.epochs, progress.margins.mean(), validation)
    if task.params.trained_share < 1:
        average_weights(task.model, start, task.params.trained_share)
        validation = _validate(task, task.data.valid_batches())
        _note(task, progress, _row_without_training(task, progress, "averaged", validation), log)
    return TrainingResult(progress.epochs, progress.margins.mean(), validation)


def keep_start(task: TrainingTask, log: Callable[[str], None]) -> TrainingResult:
    """Return the result of no training: the model answers as the probe that it starts from."""
    progress = Progress(Margins.empty(task.data.train_images))
    validation = _validate(task, task.data.valid_batches())
    _note(task, progress, _row_without_training(task, progress, "probe", validation), log)
    return TrainingResult(progress.epochs, progress.margins.mean(), validation)


def _validate(task: TrainingTask, batches: Iterable[Batch]) -> Inference:
    """Return the predictions of all processes for the images of validation."""
    share_statistics(task.model, task.compute)
    with memory_advice(task.params.batch_size):
        share = predict_batches(task.model, batches, task.compute, task.params.loss)
    return merge_predictions(share, task.compute)


def _row_without_training(
    task: TrainingTask, progress: Progress, phase: HistoryPhase, validation: Inference
) -> HistoryRow:
    return HistoryRow(
        epoch=progress.epoch,
        phase=phase,
        lr=0.0,
        train_loss=float("nan"),
        valid_loss=validation.loss,
        error_rate=validation.error_rate(task.data.valid_targets),
    )


def _note(
    task: TrainingTask,
    progress: Progress,
    row: HistoryRow,
    log: Callable[[str], None],
    more: str = "",
) -> None:
    """Add a row to the history, and print it once."""
    progress.end_epoch(row)
    if task.compute.rank.first:
        log(f"{row.line()}{more}")


@dataclass(frozen=True)
class _Run:
    """A task under way."""

    task: TrainingTask
    progress: Progress
    stop: StopRequest
    bar: "tqdm[Never]"
    log: Callable[[str], None]


def _begin(
    task: TrainingTask, log: Callable[[str], None]
) -> tuple[CheckpointState | None, Progress]:
    """Return the state of the checkpoint, if there is one, and the progress that it holds.

    The first process reads it, and the others have it from the first.
    """
    state, message = task.checkpoints.load() if task.compute.rank.first else (None, "")
    if message:
        log(message)
    state = broadcast(state, task.compute)
    if state:
        return state, restored_progress(state)
    return None, Progress(Margins.empty(task.data.train_images))


def _progress_bar(task: TrainingTask, plans: list[EpochPlan], progress: Progress) -> "tqdm[Never]":
    steps_taken = progress.step + sum(plan.steps for plan in plans if plan.number < progress.epoch)
    return tqdm(
        total=sum(plan.steps for plan in plans) * task.params.batch_size,
        initial=steps_taken * task.params.batch_size,
        unit="image",
        delay=1,
        disable=not task.compute.rank.first,
    )


def _trainer(task: TrainingTask, phase: Phase, state: CheckpointState | None) -> Trainer:
    """Freeze or unfreeze for a phase; return its trainer, restored from a state if there is one."""
    params = task.params
    if phase.name == "frozen":
        freeze(task.model, params.train_bn)
    else:
        unfreeze(task.model, params.train_bn, params.frozen_share)
    trainer = make_trainer(
        task.model, task.compute, params.loss, params.label_smoothing, params.accumulate
    )
    if state:
        restore(state, trainer)
    return trainer


def _epoch(run: _Run, trainer: Trainer, plan: EpochPlan) -> Inference:
    """Train the rest of an epoch, validate, and note both in the history."""
    task = run.task
    progress = run.progress
    run.bar.set_description(f"epoch {plan.number} {plan.phase.name}")
    try:
        speed = _train(run, trainer, plan)
        _save_if_due(run, trainer, epoch_ends=True)
        validation = _validate(task, run.stop.between(task.data.valid_batches()))
    except Interrupted:
        kept = f"Interrupted at {progress.where()}, which is kept; the next run goes on from there."
        with run.stop.undisturbed():
            _save(run, trainer)
            # Where one process has ended, its launcher ends the others.
            wait_for_all(task.compute)
            raise KeyboardInterrupt(kept) from None
    last_rates, _ = plan.rates(plan.steps - 1)
    row = HistoryRow(
        epoch=plan.number,
        phase=plan.phase.name,
        lr=last_rates[-1],
        train_loss=float(np.mean(progress.losses)),
        valid_loss=validation.loss,
        error_rate=validation.error_rate(task.data.valid_targets),
    )
    _note(task, progress, row, run.log, f"  ({speed})")
    return validation


def _train(run: _Run, trainer: Trainer, plan: EpochPlan) -> str:
    """Take the remaining steps of an epoch; return the speed in words."""
    task = run.task
    progress = run.progress
    first_step = progress.step
    train_mode(task.model, task.params.train_bn)
    batches = task.data.train_batches(plan.number, first_step)
    timed = TimedIterator(islice(batches, plan.steps - first_step))
    for batch in run.stop.between(timed):
        rates, momentum = plan.rates(progress.step)
        dropout_seed = _dropout_seed(task, plan.number, progress.step)
        step = trainer.step(batch, rates, momentum, dropout_seed)
        share = StepOutcome(
            loss=step.loss,
            rows=batch.rows,
            margins=step.margins.numpy(),
            stop_asked=run.stop.asked,
        )
        outcome = merge_steps(share, task.compute)
        run.stop.agree(outcome.stop_asked)
        refuse_nonfinite(outcome.loss, rates, progress.where(), task.checkpoints.where)
        progress.margins.add(outcome.rows, outcome.margins)
        progress.losses.append(outcome.loss)
        _save_if_due(run, trainer, epoch_ends=False)
        run.bar.update(len(outcome.rows))
        run.bar.set_postfix(loss=f"{np.mean(progress.losses[-20:]):.3f}", refresh=False)
    images = (progress.step - first_step) * task.params.batch_size
    speed = images / timed.total if images else 0.0
    return f"{speed:.0f} images/s, {timed.share:.1%} of it waiting for input"


def _dropout_seed(task: TrainingTask, epoch: int, step: int) -> int:
    """Return the seed of a step's dropout; each process drops other units."""
    rank = task.compute.rank
    process = [] if rank.first else [rank.number]
    return derive_int(task.seed, "dropout", epoch, step, *process)


def _save_if_due(run: _Run, trainer: Trainer, epoch_ends: bool) -> None:
    if run.task.checkpoints.due(epoch_ends):
        _save(run, trainer)


def _save(run: _Run, trainer: Trainer) -> None:
    """Save a checkpoint, which the first process alone does."""
    if run.task.compute.rank.first:
        with run.stop.undisturbed():
            run.task.checkpoints.save(
                lambda: checkpoint_state(trainer, run.progress), run.progress.where()
            )
