"""Fine-tuning: the head alone for a cycle, then the whole model for another."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Never

import numpy as np
from tqdm import tqdm

from stages.batch.batches import Batch
from stages.train.checkpoint import CheckpointState, restore, restored_progress
from stages.train.compiled import compile_advice, compile_where_asked
from stages.train.distributed import (
    broadcast,
    merge_predictions,
    share_statistics,
    synchronize_batch_norm,
    wait_for_all,
)
from stages.train.epoch_steps import RunUnderWay, save_checkpoint, train_steps
from stages.train.infer import NO_INFERENCE, Inference, predict_batches
from stages.train.memory import memory_advice
from stages.train.param_groups import freeze, layer_groups, unfreeze
from stages.train.plan import EpochPlan, Phase, epoch_plans, phases
from stages.train.progress import HistoryPhase, HistoryRow, Margins, Progress
from stages.train.result import TrainingResult
from stages.train.step import Trainer, make_trainer
from stages.train.stop_request import Stopped, StopRequest
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
    with StopRequest(together) as stop, memory_advice(task.params.batch_size), compile_advice():
        state, progress = _begin(task, log)
        remaining = [plan for plan in plans if plan.number >= progress.epoch]
        run = RunUnderWay(task, plans, progress, stop, _progress_bar(task, plans, progress), log)
        with run.bar:
            for phase, plans_of_phase in groupby(remaining, lambda plan: plan.phase):
                trainer = _trainer(task, phase, state, log)
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
    """Return the predictions of all processes for the images of validation, if there are any."""
    if not len(task.data.valid_targets):
        return NO_INFERENCE
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
        task.epoch_ended(progress.epochs)


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
        progress = restored_progress(state)
        if progress.epochs and task.compute.rank.first:
            task.epoch_ended(progress.epochs)
        return state, progress
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


def _trainer(
    task: TrainingTask, phase: Phase, state: CheckpointState | None, log: Callable[[str], None]
) -> Trainer:
    """Freeze or unfreeze for a phase; return its trainer, restored from a state if there is one."""
    params = task.params
    if phase.name == "frozen":
        freeze(task.model, params.train_bn)
    else:
        unfreeze(task.model, params.train_bn, params.frozen_share)
    trainer = make_trainer(
        task.model,
        task.compute,
        params.loss,
        params.label_smoothing,
        params.accumulate,
        task.data.log_ratios,
    )
    if state:
        restore(state, trainer)
    if task.compute.kernels == "compiled":
        log(f"compiling the step of the {phase.name} phase, which may take minutes the first time")
    return compile_where_asked(trainer)


def _epoch(run: RunUnderWay, trainer: Trainer, plan: EpochPlan) -> Inference:
    """Train the rest of an epoch, validate, and note both in the history."""
    task = run.task
    progress = run.progress
    run.bar.set_description(f"epoch {plan.number} {plan.phase.name}")
    try:
        speed = train_steps(run, trainer, plan)
        if task.checkpoints.due(epoch_ends=True):
            save_checkpoint(run, trainer)
        batches = task.data.valid_batches()
        run.begin_following(plan)
        validation = _validate(task, run.stop.between(batches))
    except Stopped:
        kept = f"Stopped at {progress.where()}, which is kept; the next run goes on from there."
        with run.stop.undisturbed():
            save_checkpoint(run, trainer)
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
