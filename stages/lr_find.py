"""Learning rate finder: a short sweep of the first phase of training, and what its curve says.

Reads   data/presized/, data/splits.csv, data/probe.npz
Writes  reports/lr_find/curve.csv, reports/lr_find/suggestion.json
Run     python -m stages.lr_find
A sweep takes seconds and keeps no checkpoint.
"""

from stages.base.environment import prepare_process

prepare_process()

from dataclasses import asdict
from itertools import chain, count
from pathlib import Path

import pandas as pd

from stages.base.entry_point import run_stage
from stages.base.environment import device_name, workers
from stages.base.files import write_csv, write_json
from stages.base.params import read_section, read_seed, read_value
from stages.base.seed import derive_int
from stages.base.terminal import say
from stages.batch.batches import BatchPlan
from stages.batch.image_set import open_image_set
from stages.batch.loader import train_batches
from stages.batch.views import AugmentParams
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import LossName, ModelParams, build_classifier
from stages.model.probe import Probe, start_from_probe
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.lr_range import LrFindParams, SweepPoint, sweep
from stages.train.lr_suggest import BaseLr, suggest, suggestion_from_params
from stages.train.param_groups import freeze, unfreeze
from stages.train.probe_start import read_probe_start
from stages.train.recipe import Recipe, StartName, choose_recipe, first_recipe
from stages.train.step import make_trainer


def main() -> None:
    """Sweep the learning rate, unless it is named by fine_tune.base_lr or the recipe."""
    start = read_probe_start("data/probe.npz")
    first = first_recipe(read_value("model.arch", str))
    model_params = read_section("model", ModelParams, first)
    loss = read_value("fine_tune.loss", LossName)
    recipe = choose_recipe(read_value("fine_tune.start", StartName), model_params, loss, start)
    base_lr = read_value("fine_tune.base_lr", BaseLr, recipe)
    if base_lr == "find":
        lr_find = read_section("lr_find", LrFindParams)
        points = sweep_first_phase(lr_find, recipe, start.probe if recipe.from_probe else None)
        curve = pd.DataFrame(points, columns=list(SweepPoint._fields))
        suggestion = suggest(
            curve["lr"].to_numpy(),
            curve["smoothed"].to_numpy(),
            curve["loss"].to_numpy(),
            lr_find.steps,
        )
    else:
        curve = pd.DataFrame(columns=list(SweepPoint._fields))
        suggestion = suggestion_from_params(base_lr)

    write_csv("reports/lr_find/curve.csv", curve)
    write_json("reports/lr_find/suggestion.json", {**asdict(suggestion), "recipe": recipe.name})
    say(f"Recipe: {recipe.name}. {suggestion}")


def sweep_first_phase(
    params: LrFindParams, recipe: Recipe, probe: Probe | None
) -> list[SweepPoint]:
    """Return the curve of the first phase: the head alone, or without freeze_epochs all layers."""
    seed = read_seed()
    augment = read_section("augment", AugmentParams, recipe)
    model_params = read_section("model", ModelParams, recipe)
    batch_size = read_value("fine_tune.batch_size", int)
    accumulate = read_value("fine_tune.accumulate", int)
    loss = read_value("fine_tune.loss", LossName)
    smoothing = read_value("fine_tune.label_smoothing", float)
    train_bn = read_value("fine_tune.train_bn", bool, recipe)
    frozen_share = read_value("fine_tune.frozen_share", float, recipe)
    precision = read_value("fine_tune.precision", str)
    freeze_epochs = read_value("fine_tune.freeze_epochs", float, recipe)

    store = Store(Path("data/presized"))
    splits = read_splits(Path("data/splits.csv"))
    class_names = list_class_names(splits)
    model_seed = derive_int(seed, "model")
    model = build_classifier(model_params, len(class_names), model_seed, augment.size)
    if probe:
        start_from_probe(model, probe)
    compute = open_device(device_name(), precision, model)
    model = model.to(compute.device)
    train = splits[splits["split"] == "train"]
    image_set = open_image_set(store, train, class_names, workers(), compute.device)
    render = compute.render_spec(model, augment.size)
    plan = BatchPlan(batch_size=batch_size, seed=seed)

    if freeze_epochs > 0:
        freeze(model, train_bn)
    else:
        unfreeze(model, train_bn, frozen_share)
    trainer = make_trainer(model, compute, loss, smoothing, accumulate)
    epochs = (train_batches(image_set, render, augment, plan, epoch) for epoch in count(1))
    return sweep(trainer, train_bn, chain.from_iterable(epochs), params, seed)


if __name__ == "__main__":
    run_stage(main)
