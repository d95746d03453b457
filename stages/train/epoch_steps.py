"""The steps of an epoch: each begun as soon as its batch is there, and looked at when it ended.

On a GPU a step's loss and margins arrive while the next step runs. What is saved, and how an epoch
or a run ends, takes account of every step that was begun.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from stages.batch.batches import Batch
from stages.train.checkpoint import checkpoint_state
from stages.train.distributed import StepOutcome, dropout_seed, merge_steps
from stages.train.input_wait import TimedIterator
from stages.train.param_groups import train_mode
from stages.train.plan import EpochPlan
from stages.train.progress import Progress
from stages.train.step import BegunStep, Trainer, refuse_nonfinite
from stages.train.stop_request import Stopped, StopRequest
from stages.train.training_data import TrainingTask


@dataclass(frozen=True)
class RunUnderWay:
    """A task under way."""

    task: TrainingTask
    plans: list[EpochPlan]  # of all epochs
    progress: Progress
    stop: StopRequest
    bar: Any  # tqdm's
    log: Callable[[str], None]
    begun: dict[int, Iterable[Batch]] = field(default_factory=dict)  # batches of the next epoch

    def batches(self, plan: EpochPlan, first_step: int) -> Iterable[Batch]:
        """Return the batches of an epoch from a step on, begun or not."""
        begun = self.begun.pop(plan.number, None) if first_step == 0 else None
        if begun is not None:
            return begun
        return self.task.data.train_batches(plan.number, first_step)

    def begin_following(self, plan: EpochPlan) -> None:
        """Let the batches of the next epoch be made while this one is validated.

        On a processor they begin only when they are asked for: validation needs its cores.
        """
        if plan is not self.plans[-1]:
            number = plan.number + 1
            self.begun[number] = self.task.data.train_batches(number, 0)


def train_steps(run: RunUnderWay, trainer: Trainer, plan: EpochPlan) -> str:
    """Take the remaining steps of an epoch; return the speed in words, none where none remained."""
    task = run.task
    first_step = run.progress.step
    train_mode(task.model, task.params.train_bn)
    batches = run.batches(plan, first_step)
    timed = TimedIterator(islice(batches, plan.steps - first_step))
    open_steps: deque[_OpenStep] = deque()
    try:
        for number, batch in enumerate(run.stop.between(timed), first_step):
            rates, momentum = plan.rates(number)
            seed = dropout_seed(task.seed, task.compute, "dropout", plan.number, number)
            begun = trainer.begin_step(batch, rates, momentum, seed)
            open_steps.append(_OpenStep(begun, batch.rows, rates))
            due = task.checkpoints.due(epoch_ends=False)
            _settle(run, open_steps, 0 if due else task.compute.steps_late)
            if due:
                save_checkpoint(run, trainer)
    except Stopped:
        _settle(run, open_steps, 0)
        raise
    _settle(run, open_steps, 0)
    images = (run.progress.step - first_step) * task.params.batch_size
    if not images:  # an earlier run was stopped behind the last step
        return "trained already"
    return f"{images / timed.total:.0f} images/s, {timed.share:.1%} of it waiting for input"


@dataclass(frozen=True)
class _OpenStep:
    """A step whose loss has not been looked at."""

    begun: BegunStep
    rows: np.ndarray
    rates: list[float]


def _settle(run: RunUnderWay, open_steps: deque[_OpenStep], keep: int) -> None:
    """Note the first steps in the progress, and leave so many of them open.

    A loss that is no number stops here, and so before a checkpoint of its weights is saved.
    """
    task = run.task
    progress = run.progress
    while len(open_steps) > keep:
        step = open_steps.popleft()
        result = step.begun.result()
        share = StepOutcome(
            loss=result.loss,
            rows=step.rows,
            margins=result.margins.numpy(),
            stop_asked=run.stop.asked,
        )
        outcome = merge_steps(share, task.compute)
        run.stop.agree(outcome.stop_asked)
        refuse_nonfinite(outcome.loss, step.rates, progress.where(), task.checkpoints.where)
        progress.margins.add(outcome.rows, outcome.margins)
        progress.losses.append(outcome.loss)
        run.bar.update(len(outcome.rows))
        run.bar.set_postfix(loss=f"{np.mean(progress.losses[-20:]):.3f}", refresh=False)


def save_checkpoint(run: RunUnderWay, trainer: Trainer) -> None:
    """Save a checkpoint, which the first process alone does."""
    if run.task.compute.rank.first:
        with run.stop.undisturbed():
            run.task.checkpoints.save(
                lambda: checkpoint_state(trainer, run.progress), run.progress.where()
            )
