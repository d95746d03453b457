"""Cross-validation: a model for each fold, trained without it, and the one that is kept, on all.

Each image is predicted once, by the model of its fold. What these predictions measure is the
recipe, of which the model that is kept is one more outcome, with more images to learn from. The
recipe and the learning rate are chosen once. No trial is made: over all images the models of the
folds are compared with the probes of the folds, and where they are worse, the model is the probe.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from stages.batch.dataloaders import DataLoaders
from stages.model.probe import Probe
from stages.model.probe_head import start_from_probe
from stages.stats.mcnemar import compare_paired
from stages.stats.predictions import Predictions
from stages.train.fold_result import FoldResult, finished_fold, fold_state, pool_epochs
from stages.train.infer import Inference
from stages.train.loop import fine_tune, keep_start
from stages.train.probe_start import ProbeStart
from stages.train.progress import count_trained, no_listener
from stages.train.recipe import Recipe
from stages.train.result import TrainingResult
from stages.train.run import TrainingRun
from stages.train.saliency import images_to_explain, saliency_maps
from stages.train.trained import Trained, train_from
from stages.train.training_data import TrainingData, TrainingTask
from stages.train.trial import Trial

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class CrossValidated(Trained):
    """The run on all images, the predictions of the folds as its validation, and their models'."""

    folds: np.ndarray  # (T,) int64, of each image of the run
    map_paths: np.ndarray  # (M,) str
    maps: np.ndarray  # (M, H, W) float32, by the model of each image's fold

    def predictions(self, class_names: list[str]) -> Predictions:
        """Return the predictions for all images, with the saliency of the worst of them."""
        predictions = self.result.predictions(np.array(class_names), self.run.loaders)
        predictions = replace(predictions, folds=self.folds)
        rows = images_to_explain(predictions.pred_probs, predictions.targets)
        place = {path: row for row, path in enumerate(self.map_paths.tolist())}
        chosen = [place[path] for path in predictions.paths[rows].tolist() if path in place]
        return predictions.with_maps(rows, self.maps[chosen])

    def __str__(self) -> str:
        """Say what the model is, and how many are wrong in the end, by whom."""
        return f"{super().__str__()}, each predicted by a model trained without its fold"


def train_model(
    start: ProbeStart, recipe: Recipe, run: TrainingRun, base_lr: float, log: Log
) -> Trained:
    """Train by folds where the split has them, else once."""
    train = cross_validate if run.loaders.folds else train_from
    return train(start, recipe, run, base_lr, log)


def cross_validate(
    start: ProbeStart,
    recipe: Recipe,
    run: TrainingRun,
    base_lr: float,
    log: Log,
) -> CrossValidated:
    """Fine-tune without each fold, then on all images, or let the probe be the model.

    run: of all images, none of which validates. Learning anew is not compared: its trial was.
    """
    if not recipe.from_probe:
        run = run.without_average()
    results = _train_folds(start, recipe.from_probe, run, base_lr, log)
    trial = None
    if run.task.params.trial and recipe.from_probe:
        trial = compare_with_probes(start, run.loaders, results)
        log(
            f"All folds: of {trial.comparison.images} images fine-tuning errs on {trial.errors} and"
            f" the probe on {trial.probe_errors}: {trial.comparison.verdict}"
        )
    if trial and trial.comparison.verdict == "worse":
        results = {number: _judge_probe(start, run, number, log) for number in run.loaders.folds}
        start_from_probe(run.task.model, start.probe)
        return pool_folds(run, keep_start(run.task, lambda _: None), results, trial)
    if recipe.from_probe:
        start_from_probe(run.task.model, start.probe)
    last = fine_tune(run.task, base_lr, _named(log, "all images"))
    return pool_folds(run, last, results, trial)


def _train_folds(
    start: ProbeStart, from_probe: bool, run: TrainingRun, base_lr: float, log: Log
) -> dict[int, FoldResult]:
    """Train a model for each fold, one after the other, but for those that are finished."""
    folds = run.loaders.folds
    trainings = len(folds) + 1
    log(f"{trainings} trainings: one without each of {len(folds)} folds, then one on all images")
    results: dict[int, FoldResult] = {}
    forecast = False
    for number in folds:
        probe = start.folds[number].probe if from_probe else None
        fold_log = _named(log, f"fold {number} of {max(folds)}")
        begun = run.task.checkpoints.beside(_file_of(number)).path.exists()
        began_at = perf_counter()
        results[number] = _train_fold(run, number, probe, base_lr, fold_log)
        if not (begun or forecast):
            seconds = perf_counter() - began_at
            fold_log(
                f"took {lasting(seconds)}; all of it takes about {lasting(trainings * seconds)}"
            )
            forecast = True
    return results


def lasting(seconds: float) -> str:
    """Return a time as one reads it while waiting.

    >>> lasting(8.4), lasting(119.6), lasting(121), lasting(4000)
    ('8 s', '120 s', '2.0 minutes', '66.7 minutes')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _train_fold(
    run: TrainingRun, number: int, probe: Probe | None, base_lr: float, log: Log
) -> FoldResult:
    """Return the result of a fold: as it was kept, or by training without the fold."""
    loaders = run.loaders.of_fold(number)
    task = _fold_task(run, number, loaders, probe)
    state, message = task.checkpoints.load()
    if finished := finished_fold(state):
        log(message)
        return finished
    log(f"{len(loaders.train)} images train, {len(loaders.valid)} validate")
    result = _with_maps(task, loaders, fine_tune(task, base_lr, log))
    task.checkpoints.save(lambda: fold_state(result), "finished")
    return result


def _judge_probe(start: ProbeStart, run: TrainingRun, number: int, log: Log) -> FoldResult:
    """Return the result of a fold by the probe that was fitted without it, as it is."""
    loaders = run.loaders.of_fold(number)
    task = _fold_task(run, number, loaders, start.folds[number].probe)
    return _with_maps(task, loaders, keep_start(task, _named(log, f"fold {number}")))


def _fold_task(
    run: TrainingRun, number: int, loaders: DataLoaders, probe: Probe | None
) -> TrainingTask:
    """Return the task of a fold, with a model of its own that starts from its probe, if any."""
    model = copy.deepcopy(run.task.model)
    if probe:
        start_from_probe(model, probe)
    return replace(
        run.task,
        model=model,
        data=TrainingData.from_loaders(loaders),
        checkpoints=run.task.checkpoints.beside(_file_of(number)),
        epoch_ended=no_listener,  # the history is of the run on all images alone
    )


def _file_of(number: int) -> str:
    return f"fold_{number}"


def _named(log: Log, name: str) -> Log:
    return lambda line: log(f"{name}: {line}")


def _with_maps(task: TrainingTask, loaders: DataLoaders, result: TrainingResult) -> FoldResult:
    rows = images_to_explain(result.validation.pred_probs, loaders.valid.targets)
    maps = saliency_maps(task.model, loaders.valid_subset(rows), task.compute)
    return FoldResult(
        epochs=result.epochs,
        validation=result.validation,
        explained=rows[: len(maps)],
        maps=maps,
    )


def compare_with_probes(
    start: ProbeStart, loaders: DataLoaders, results: Mapping[int, FoldResult]
) -> Trial:
    """Compare the models of all folds with their probes, each on the images of its fold."""
    probe_right = np.concatenate([start.folds[number].right for number in results])
    right = np.concatenate(
        [
            result.validation.pred_probs.argmax(axis=1) == loaders.of_fold(number).valid.targets
            for number, result in results.items()
        ]
    )
    of_folds = [start.folds[number].groups for number in results]
    known = [groups for groups in of_folds if groups is not None]
    groups = np.concatenate(known) if len(known) == len(of_folds) else None
    return Trial(
        comparison=compare_paired(right, probe_right, groups),
        errors=int(np.sum(~right)),
        probe_errors=int(np.sum(~probe_right)),
        epochs=max(count_trained(result.epochs) for result in results.values()),
    )


def pool_folds(
    run: TrainingRun,
    last: TrainingResult,
    results: Mapping[int, FoldResult],
    trial: Trial | None,
) -> CrossValidated:
    """Return the run on all images, with the validation of the folds as its own.

    last: its result, without a validation.
    """
    loaders = run.loaders
    paths = np.array(loaders.train.paths)
    rows = {number: np.flatnonzero(side == "valid") for number, side in loaders.folds.items()}
    parts = [result.validation for result in results.values()]
    images = [len(part.pred_probs) for part in parts]
    pred_probs = np.zeros((len(paths), parts[0].pred_probs.shape[1]), dtype=np.float32)
    folds = np.zeros(len(paths), dtype=np.int64)
    for number, result in results.items():
        pred_probs[rows[number]] = result.validation.pred_probs
        folds[rows[number]] = number
    loss = float(np.average([part.loss for part in parts], weights=images))
    validation = Inference(pred_probs, loss)
    epochs = pool_epochs(last.epochs, [result.epochs for result in results.values()], images)
    error_rate = validation.error_rate(loaders.train.targets)  # without the rounding of a mean
    epochs[-1] = epochs[-1]._replace(error_rate=error_rate)
    map_rows = [rows[number][result.explained] for number, result in results.items()]
    return CrossValidated(
        run=replace(run, loaders=replace(loaders, valid=loaders.train)),
        result=TrainingResult(epochs, last.margins, validation),
        trial=trial,
        folds=folds,
        map_paths=paths[np.concatenate(map_rows)],
        maps=np.concatenate([result.maps for result in results.values()]),
    )
