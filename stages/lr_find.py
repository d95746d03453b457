"""Learning rate finder: which recipe suits the photos, and at which rate it learns.

Reads   data/presized/, data/splits.csv, data/probe.npz
Writes  reports/lr_find/curve.csv, reports/lr_find/suggestion.json, its checkpoint
Run     python -m stages.lr_find
By folds it sees what the first fold trains on.
"""

from stages.base.environment import prepare_process

prepare_process()

from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from stages.base.csv_file import write_csv
from stages.base.entry_point import run_stage
from stages.base.environment import device_name, gpus, restarts, workers
from stages.base.files import write_json
from stages.base.fingerprint import stage_fingerprints
from stages.base.params import read_section, read_seed, read_value
from stages.base.parts import PRIVATE_FOLDER
from stages.base.ranks import this_rank
from stages.base.terminal import say
from stages.batch.dataloaders import open_dataloaders
from stages.batch.views import AugmentParams
from stages.dataset.folds import first_fold_split
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.model_params import ModelParams
from stages.store.reader import Store
from stages.train.choice import choose
from stages.train.launch import launch
from stages.train.lr_find_params import LrFindParams
from stages.train.lr_range import SweepPoint
from stages.train.plan import FineTuneParams
from stages.train.probe_start import read_probe_start
from stages.train.recipe import Recipe, first_recipe
from stages.train.run import RunInputs, RunParams, list_candidates


def main() -> None:
    """Find the rate here, or with FINETRACK_GPUS in a process for each of so many GPUs."""
    launch(find, gpus(), device_name(), restarts=restarts(), log=say)


def find() -> None:
    """Choose the recipe, by a trial where the probes leave it open, and find its rate."""
    rank = this_rank()
    lr_find = read_section("lr_find", LrFindParams)
    first = read_params_of(first_recipe(read_value("model.arch", str)))
    start = read_probe_start("data/probe.npz")
    options = list_candidates(first, start)

    store = Store(Path("data/presized"))
    splits = first_fold_split(read_splits(Path("data/splits.csv")))
    inputs = RunInputs(
        open_loaders=partial(open_dataloaders, store, splits, workers()),
        classes=len(list_class_names(splits)),
        seed=read_seed(),
        device=device_name(),
        rank=rank,
        checkpoints=PRIVATE_FOLDER / "lr_find",
        fingerprints=stage_fingerprints("lr_find", workers()) if rank.first else {},
    )
    with inputs.together():
        choice = choose(start, options, read_params_of, inputs, lr_find, tqdm.write)
    if not rank.first:
        return
    write_csv(
        "reports/lr_find/curve.csv",
        pd.DataFrame(choice.rate.curve, columns=list(SweepPoint._fields)),
    )
    trial = choice.trial.as_dict() if choice.trial else None
    facts = {"recipe": choice.recipe.name, "trial": trial}
    suggestion = choice.rate.suggestion
    write_json("reports/lr_find/suggestion.json", {**asdict(suggestion), **facts})
    say(f"Recipe: {choice.recipe.name}. {suggestion}")


def read_params_of(recipe: Recipe) -> RunParams:
    """Return the sections that a recipe has values for."""
    return RunParams(
        augment=read_section("augment", AugmentParams, recipe),
        model=read_section("model", ModelParams, recipe),
        fine_tune=read_section("fine_tune", FineTuneParams, recipe),
    )


if __name__ == "__main__":
    run_stage(main)
