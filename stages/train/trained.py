"""Trained: a run of training and its result, or the probe where a trial says that it is better."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.model.probe_head import start_from_probe
from stages.stats.metrics_record import TrainingRecord, TrialRecord
from stages.stats.predictions import Predictions
from stages.train.loop import fine_tune, keep_start
from stages.train.probe_start import ProbeStart
from stages.train.recipe import Recipe
from stages.train.result import TrainingResult
from stages.train.run import TrainingRun
from stages.train.saliency import images_to_explain, saliency_maps
from stages.train.trial import Trial, can_try, try_fine_tuning


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The run that gave the model, its result, and the trial before it."""

    run: TrainingRun
    result: TrainingResult
    trial: Trial | None

    def predictions(self, class_names: list[str]) -> Predictions:
        """Return the predictions for validation, with the saliency of the worst of them."""
        loaders = self.run.loaders
        task = self.run.task
        predictions = self.result.predictions(np.array(class_names), loaders)
        rows = images_to_explain(predictions.pred_probs, predictions.targets)
        maps = saliency_maps(task.model, loaders.valid_subset(rows), task.compute)
        return predictions.with_maps(rows, maps)

    def metrics(self, base_lr: float) -> dict[str, float | None]:
        """Return the content of the stage's metrics.json."""
        return {**self.result.metrics(), "base_lr": base_lr}

    def training_record(
        self, recipe: Recipe, start: ProbeStart, anew: TrialRecord | None
    ) -> TrainingRecord:
        """Return the content of the stage's recipe.json.

        recipe: the one that was chosen; anew: the trial of learning anew.
        """
        return {
            "recipe": self.run.recipe_record(recipe.name, start, anew),
            "trial": self.trial.as_dict() if self.trial else None,
        }

    def __str__(self) -> str:
        """Say what the model is, and how many are wrong in the end."""
        arch = self.run.model_params.arch
        return f"{'Fine-tuned' if self.result.trained else 'The probe on'} {arch}: {self.result}"


def train_from(
    start: ProbeStart, recipe: Recipe, run: TrainingRun, base_lr: float, log: Callable[[str], None]
) -> Trained:
    """Fine-tune, or where a trial says that the probe is better let it be the model.

    There is a trial where the probe is the start: of learning anew lr_find made one. There is none
    without fine_tune.trial, nor with too few images.
    """
    if run.task.compute.rank.first:
        log(run.describe(base_lr))
    if not recipe.from_probe:
        run = run.without_average()
        return Trained(run=run, result=fine_tune(run.task, base_lr, log), trial=None)
    task = run.task
    trial = None
    if task.params.trial and can_try(start, task, run.loaders):
        trial = try_fine_tuning(start, run, base_lr, log)
        if task.compute.rank.first:
            log(str(trial))
    start_from_probe(task.model, start.probe)
    if trial and trial.comparison.verdict == "worse":
        return Trained(run=run, result=keep_start(task, log), trial=trial)
    return Trained(run=run, result=fine_tune(task, base_lr, log), trial=trial)
