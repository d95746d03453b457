"""Trial: fine-tuning on four fifths of the training images, compared with the probe on the fifth.

So it is known, without a look at validation, whether fine-tuning is significantly worse than the
probe. trained.py says what follows from that.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stages.base.plural import count_noun
from stages.batch.dataloaders import DataLoaders
from stages.model.classifier import Classifier
from stages.model.probe_head import start_from_probe
from stages.stats.mcnemar import PairedComparison, compare_paired
from stages.stats.metrics_record import TrialRecord
from stages.train.infer import Inference
from stages.train.loop import fine_tune
from stages.train.probe_start import ProbeStart
from stages.train.progress import no_listener
from stages.train.run import TrainingRun
from stages.train.training_data import TrainingData, TrainingTask

# With fewer held-out images, or groups of images, no result is significant: six that one alone has
# right are p = .03.
FEWEST_IMAGES = 6
# Of their checkpoints, beside that of the run.
_FROM_PROBE = "trial"
_ANEW = "trial_anew"
# Of the epochs, for a trial. It is enough to tell. Learning anew: of validation images of textures
# 6 and 23 epochs left 28 and 29 % wrong, the probe 11; of trash 17, 14 and 8. From the probe of
# pets, which errs on 15 of 176 held-out images: at a rate of 3e-4 an epoch left 11 wrong and three
# 14, at 1e-3 11 and 15, at 3e-3 15 and 13. A whole trial was 2.4 of the 5.4 epochs of fine_tune.
TRIAL_SHARE = 1 / 3


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a trial gave.

    It ends with an epoch of its last phase after which fine-tuning is better; several looks make
    that more likely by chance than p says, which costs nothing: what follows is fine-tuning.
    """

    comparison: PairedComparison  # fine-tuning is the first, the probe the second
    errors: int  # of fine-tuning, on the held-out images
    probe_errors: int
    epochs: int
    # Of training from the probe on the same images, where that was tried too.
    other_errors: int | None = None

    @property
    def errs_least(self) -> bool:
        """Return whether it errs on fewer of the held-out images than all that it stands beside."""
        other = self.probe_errors if self.other_errors is None else self.other_errors
        return self.errors < min(self.probe_errors, other)

    def beside(self, other: "Trial") -> "Trial":
        """Return this trial with the errors of another on the same images."""
        return replace(self, other_errors=other.errors)

    def __str__(self) -> str:
        """Return the result in a sentence."""
        groups = self.comparison.groups
        of_groups = "" if groups is None else f" of {count_noun(groups, 'group')}"
        other = self.other_errors
        of_other = "" if other is None else f"; training from the probe errs on {other}"
        return (
            f"Trial: of {self.comparison.images} training images{of_groups} held out, "
            f"fine-tuning errs on {self.errors} after {count_noun(self.epochs, 'epoch')} and the "
            f"probe on {self.probe_errors}: {self.comparison.verdict}{of_other}"
        )

    def as_dict(self) -> TrialRecord:
        """Return the fields as they stand in recipe.json."""
        groups = self.comparison.groups
        record: TrialRecord = {
            "images": self.comparison.images,
            "errors": self.errors,
            "probe_errors": self.probe_errors,
            "epochs": self.epochs,
            "p": self.comparison.p,
            "verdict": self.comparison.verdict,
        }
        if groups is not None:
            record["groups"] = groups
        if self.other_errors is not None:
            record["other_errors"] = self.other_errors
        return record


def can_try(start: ProbeStart, task: TrainingTask, loaders: DataLoaders) -> bool:
    """Return whether the images suffice for a trial, and for equal shares of several processes."""
    held_out = len(start.held_out)
    processes = task.compute.rank.count
    others = len(loaders.train) - held_out
    shared = processes == 1 or (others >= task.params.batch_size and held_out >= processes)
    return start.held_out_units() >= FEWEST_IMAGES and shared


def try_fine_tuning(
    start: ProbeStart,
    run: TrainingRun,
    base_lr: float,
    log: Callable[[str], None],
    to_its_end: bool = False,
) -> Trial:
    """Fine-tune from the probe without the held-out images, until it is better or ends.

    to_its_end: also where it is better before, as for a comparison with another trial's errors.
    """
    model = copy.deepcopy(run.task.model)
    start_from_probe(model, start.trial_probe)
    task = _shorter(run.task, model, _FROM_PROBE)
    return _try(start, run, task, base_lr, lambda line: log(f"trial: {line}"), to_its_end)


def try_anew(
    start: ProbeStart, run: TrainingRun, base_lr: float, log: Callable[[str], None]
) -> Trial:
    """Learn anew without the held-out images, until it is better or ends."""
    model = copy.deepcopy(run.task.model)

    def log_trial(line: str) -> None:
        log(f"trial of learning anew: {line}")

    return _try(start, run, _shorter(run.task, model, _ANEW), base_lr, log_trial)


def _shorter(task: TrainingTask, model: Classifier, name: str) -> TrainingTask:
    """Return the task of training another model for the share of the epochs that a trial takes.

    name: of its checkpoint.
    """
    params = task.params
    shares = {
        "epochs": trial_epochs(params.epochs),
        "freeze_epochs": trial_epochs(params.freeze_epochs),
    }
    return replace(
        task,
        model=model,
        params=params.model_copy(update=shares),
        checkpoints=task.checkpoints.beside(name),
        epoch_ended=no_listener,  # the history is of the run alone
    )


def trial_epochs(epochs: float) -> float:
    """Return how many of the epochs a trial takes: one at least, where there is one.

    >>> trial_epochs(12), trial_epochs(2), trial_epochs(0.5)
    (4.0, 1.0, 0.5)
    """
    return min(epochs, max(epochs * TRIAL_SHARE, 1.0))


def _try(
    start: ProbeStart,
    run: TrainingRun,
    task: TrainingTask,
    base_lr: float,
    log: Callable[[str], None],
    to_its_end: bool = False,
) -> Trial:
    """Train the task's model without the held-out images, and compare it with the probe there."""
    loaders = run.loaders
    rows = np.isin(loaders.train.paths, start.held_out)
    right = dict(zip(start.held_out.tolist(), start.held_out_right.tolist(), strict=True))
    without = loaders.hold_out(rows)
    probe_right = np.array([right[path] for path in without.valid.paths])
    groups = _groups_of(without.valid.paths, start)

    def compare(validation: Inference) -> PairedComparison:
        return compare_paired(
            validation.pred_probs.argmax(axis=1) == without.valid.targets, probe_right, groups
        )

    result = fine_tune(
        replace(task, data=TrainingData.from_loaders(without)),
        base_lr,
        log,
        None if to_its_end else lambda validation: compare(validation).verdict == "better",
    )
    comparison = compare(result.validation)
    return Trial(
        comparison=comparison,
        errors=round(result.validation.error_rate(without.valid.targets) * comparison.images),
        probe_errors=int(np.sum(~probe_right)),
        epochs=len(result.trained),
    )


def _groups_of(paths: Sequence[str], start: ProbeStart) -> np.ndarray | None:
    """Return the groups of held-out images in this order; None where no groups are declared."""
    if start.held_out_groups is None:
        return None
    number_of = dict(zip(start.held_out.tolist(), start.held_out_groups.tolist(), strict=True))
    return np.array([number_of[path] for path in paths], np.int64)
