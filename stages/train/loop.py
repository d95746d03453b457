"""Fine-tuning: the head alone for a cycle, then the whole model for another."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import NamedTuple, Never

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.base.seed import derive_int
from stages.model.classifier import Classifier
from stages.train.checkpoint import (
    Checkpoints,
    CheckpointState,
    checkpoint_state,
    restore,
    restored_progress,
)
from stages.train.device import Compute
from stages.train.distributed import (
    all_gathered,
    broadcast,
    merge_predictions,
    process_group,
    synchronize_batch_norm,
)
from stages.train.infer import Batch, Inference, predict_batches
from stages.train.input_wait import TimedIterator
from stages.train.interrupt import Interrupted, StopRequest
from stages.train.param_groups import freeze, layer_groups, train_mode, unfreeze
from stages.train.plan import EpochPlan, FineTuneParams, Phase, epoch_plans, phases
from stages.train.progress import HistoryRow, Margins, Progress
from stages.train.step import StepResult, Trainer, make_trainer, refuse_nonfinite


class TrainingData(NamedTuple):
    """What training and validation see."""

    batches: Callable[[int, int], Iterable[Batch]]  # those of an epoch (from 1) from a step on
    steps: int  # in an epoch
    valid: Callable[[], Iterable[Batch]]
    images: int  # for training
    targets: np.ndarray  # class numbers (N,) of validation


class TrainingTask(NamedTuple):
    """What stays the same throughout a run."""

    model: Classifier
    params: FineTuneParams
    compute: Compute
    data: TrainingData
    kept: Checkpoints
    seed: int


class TrainingResult(NamedTuple):
    """What training gives beside the model."""

    epochs: list[HistoryRow]
    margins: np.ndarray  # (N,) float32, of the training images
    held: Inference  # for validation, by the model at its end

    def __str__(self) -> str:
        """Say how many are wrong in the end."""
        images = len(self.held.pred_probs)
        return f"{self.epochs[-1].error_rate:.1%} of {images} validation images wrong"

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities (V, C) for validation, and the margins (T,) of training."""
        return self.held.pred_probs, self.margins

    def history(self) -> pd.DataFrame:
        """Return a row for each epoch."""
        return pd.DataFrame(self.epochs)

    def metrics(self) -> dict[str, float]:
        """Return how the last epoch ended."""
        last = self.epochs[-1]
        right = 1 - last.error_rate
        losses = {"train_loss": last.train_loss, "valid_loss": last.valid_loss}
        return {"error_rate": last.error_rate, "accuracy": right, **losses}


def fine_tune(task: TrainingTask, base_lr: float, tell: Callable[[str], None]) -> TrainingResult:
    """Train the model through both phases, from its checkpoint on if there is one.

    tell takes a line for each epoch. Asked to stop, it keeps a checkpoint and interrupts itself.
    """
    plan = phases(task.params, base_lr, len(layer_groups(task.model)))
    with process_group(task.compute), StopRequest(task.compute.rank.count > 1) as stop:
        synchronize_batch_norm(task.model, task.compute)
        state, progress = _begin(task, tell)
        every = epoch_plans(plan, task.data.steps)
        left = [at for at in every if at.number >= progress.epoch]
        run = _Run(task, progress, stop, _bar(task, len(every), progress), tell)
        with run.bar:
            for phase, epochs in groupby(left, lambda at: at.phase):
                trainer = _trainer(task, phase, state)
                state = None  # a later phase starts afresh
                for at in epochs:
                    held = _epoch(run, trainer, at)
    return TrainingResult(progress.epochs, progress.margins.mean(), held)


class _Run(NamedTuple):
    """A task under way."""

    task: TrainingTask
    progress: Progress
    stop: StopRequest
    bar: "tqdm[Never]"
    tell: Callable[[str], None]


def _begin(
    task: TrainingTask, tell: Callable[[str], None]
) -> tuple[CheckpointState | None, Progress]:
    """Return the state to go on from, which all processes have from the first, and its progress."""
    state, said = task.kept.load() if task.compute.rank.first else (None, "")
    if said:
        tell(said)
    state = broadcast(state, task.compute)
    if state:
        return state, restored_progress(state)
    return None, Progress(Margins.none_seen(task.data.images))


def _bar(task: TrainingTask, epochs: int, progress: Progress) -> "tqdm[Never]":
    images = task.data.steps * task.params.batch_size
    done = (progress.epoch - 1) * images + progress.step * task.params.batch_size
    quiet = not task.compute.rank.first
    return tqdm(total=epochs * images, initial=done, unit="image", delay=1, disable=quiet)


def _trainer(task: TrainingTask, phase: Phase, state: CheckpointState | None) -> Trainer:
    """Freeze or unfreeze for a phase, with a fresh optimiser or that of the state."""
    params = task.params
    (freeze if phase.name == "frozen" else unfreeze)(task.model, params.train_bn)
    trainer = make_trainer(task.model, task.compute, params.loss, params.label_smoothing)
    if state:
        restore(state, trainer)
    return trainer


def _epoch(run: _Run, trainer: Trainer, at: EpochPlan) -> Inference:
    """Train the rest of an epoch, validate, and note both."""
    task, progress = run.task, run.progress
    run.bar.set_description(f"epoch {at.number} {at.phase.name}")
    try:
        pace = _train(run, trainer, at)
        _keep(run, trainer, epoch_ends=True)
        batches = run.stop.between(task.data.valid())
        own = predict_batches(task.model, batches, task.compute, task.params.loss)
        held = merge_predictions(own, task.compute)
    except Interrupted:
        _save(run, trainer)
        raise KeyboardInterrupt(
            f"Interrupted at {progress.where()}, which is kept; the next run goes on from there."
        ) from None
    wrong = float((held.pred_probs.argmax(axis=1) != task.data.targets).mean())
    train_loss, lr = float(np.mean(progress.losses)), at.rates(at.steps - 1)[0][-1]
    epoch = HistoryRow(at.number, at.phase.name, lr, train_loss, held.loss, wrong)
    progress.end_epoch(epoch)
    if task.compute.rank.first:
        run.tell(f"{epoch.line()}  ({pace})")
    return held


def _train(run: _Run, trainer: Trainer, at: EpochPlan) -> str:
    """Take the steps that are left of an epoch; return how fast in words."""
    task, progress, first = run.task, run.progress, run.progress.step
    train_mode(task.model, task.params.train_bn)
    timed = TimedIterator(task.data.batches(at.number, first))
    for batch in run.stop.between(timed):
        rates, momentum = at.rates(progress.step)
        # Each process drops units of its own.
        own = [] if task.compute.rank.first else [task.compute.rank.number]
        drop = derive_int(task.seed, "dropout", at.number, progress.step, *own)
        step = trainer.step(batch, rates, momentum, drop)
        loss, rows, margins = _everyones(run, batch, step)
        refuse_nonfinite(loss, rates, progress.where(), task.kept.where)
        progress.margins.add(rows, margins)
        progress.losses.append(loss)
        _keep(run, trainer, epoch_ends=False)
        run.bar.update(len(rows))
        run.bar.set_postfix(loss=f"{np.mean(progress.losses[-20:]):.3f}", refresh=False)
    images = (progress.step - first) * task.params.batch_size
    speed = images / timed.total if images else 0.0
    return f"{speed:.0f} images/s, {timed.share:.1%} of it waiting for input"


def _everyones(run: _Run, batch: Batch, step: StepResult) -> tuple[float, np.ndarray, np.ndarray]:
    """Return mean loss, rows and margins of a step of all processes; they also agree on a stop."""
    own = np.concatenate([[step.loss, run.stop.asked], batch.rows, step.margins.numpy()])
    every = all_gathered(own, run.task.compute)
    run.stop.agree(bool(every[:, 1].any()))
    rows, margins = np.split(every[:, 2:], 2, axis=1)
    return float(every[:, 0].mean()), rows.ravel().astype(np.int64), margins.ravel()


def _keep(run: _Run, trainer: Trainer, epoch_ends: bool) -> None:
    """Keep a checkpoint if it is time."""
    if run.task.kept.due(epoch_ends):
        _save(run, trainer)


def _save(run: _Run, trainer: Trainer) -> None:
    if run.task.compute.rank.first:
        run.task.kept.save(lambda: checkpoint_state(trainer, run.progress), run.progress.where())
