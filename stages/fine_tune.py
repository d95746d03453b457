"""Fine-tuning: the head alone, then the whole model, each for one cycle.

Reads   data/presized/, data/splits.csv, data/probe.npz, reports/lr_find/suggestion.json
Writes  data/model/, data/predictions.npz, reports/fine_tune/, its checkpoint
Run     python -m stages.fine_tune
"""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from stages.base.csv_file import write_csv
from stages.base.entry_point import run_stage
from stages.base.environment import device_name, gpus, restarts, tracker_names, workers
from stages.base.files import write_json
from stages.base.fingerprint import stage_fingerprints
from stages.base.params import read_section, read_seed, read_value
from stages.base.parts import PRIVATE_FOLDER
from stages.base.ranks import this_rank
from stages.base.terminal import say
from stages.batch.dataloaders import open_dataloaders
from stages.batch.views import AugmentParams
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.files import save_model
from stages.model.model_params import ModelParams
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import write_predictions
from stages.store.reader import Store
from stages.train.cross_validation import train_model
from stages.train.launch import launch
from stages.train.lr_suggest import read_suggestion
from stages.train.plan import FineTuneParams
from stages.train.probe_start import read_probe_start
from stages.train.progress import HistoryRow
from stages.train.recipe import Recipe, first_recipe
from stages.train.result import history_table, trained_epochs
from stages.train.run import RunInputs, RunParams, list_candidates, open_run
from stages.train.tracking import Tracking, start_tracking


def main() -> None:
    """Train here, or with FINETRACK_GPUS in a process for each of so many GPUs."""
    launch(train, gpus(), device_name(), restarts=restarts(), log=say)


def train() -> None:
    """Train, and write the model, its history, and its predictions for validation."""
    rank = this_rank()
    tracking = start_tracking(tracker_names() if rank.first else [], tqdm.write)
    splits = read_splits(Path("data/splits.csv"))
    class_names = list_class_names(splits)
    inputs = RunInputs(
        open_loaders=partial(open_dataloaders, Store(Path("data/presized")), splits, workers()),
        classes=len(class_names),
        seed=read_seed(),
        device=device_name(),
        rank=rank,
        checkpoints=PRIVATE_FOLDER / "fine_tune",
        fingerprints=stage_fingerprints("fine_tune", workers()) if rank.first else {},
        epoch_ended=partial(note_epochs, tracking),
    )
    start = read_probe_start("data/probe.npz")
    options = list_candidates(read_run_params(first_recipe(read_value("model.arch", str))), start)
    suggestion = read_suggestion(Path("reports/lr_find/suggestion.json"))
    recipe = options.named(suggestion.recipe)
    with inputs.together():
        run = open_run(read_run_params(recipe), inputs)
        base_lr = run.task.params.choose_lr(suggestion)
        trained = train_model(start, recipe, run, base_lr, tqdm.write)
    if not rank.first:
        return
    card = trained.run.card(class_names, read_value("presize.size", int), base_lr)
    save_model(Path("data/model"), trained.run.task.model, card)
    predictions = trained.predictions(class_names)
    write_predictions("data/predictions.npz", predictions)
    write_csv("reports/fine_tune/outcomes.csv", outcomes_table(predictions))
    note_epochs(tracking, trained.result.epochs)
    metrics = trained.metrics(base_lr)
    training = trained.training_record(recipe, start, suggestion.trial)
    write_json("reports/fine_tune/metrics.json", metrics)
    write_json("reports/fine_tune/recipe.json", training)
    tracking.finish({**metrics, **training})
    run.task.checkpoints.remove()
    say(str(trained))


def note_epochs(tracking: Tracking, epochs: Sequence[HistoryRow]) -> None:
    """Write the whole history so far, and tell trackers: curves grow while the model is trained."""
    write_csv("reports/fine_tune/history.csv", history_table(epochs))
    tracking.tell_epochs(trained_epochs(epochs))


def read_run_params(recipe: Recipe) -> RunParams:
    """Return the sections that a recipe has values for."""
    return RunParams(
        augment=read_section("augment", AugmentParams, recipe),
        model=read_section("model", ModelParams, recipe),
        fine_tune=read_section("fine_tune", FineTuneParams, recipe),
    )


if __name__ == "__main__":
    run_stage(main)
