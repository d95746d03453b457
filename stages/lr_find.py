"""Learning-rate finder: a short sweep of what training begins with, and what its curve says.

Reads   data/presized/, data/splits.csv
Writes  reports/lr_find/curve.csv, reports/lr_find/suggestion.json
Run     python -m stages.lr_find

A sweep takes seconds, so it keeps no checkpoint: one that is ended begins anew.
"""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, count
from pathlib import Path

import pandas as pd

from stages.base.environment import device_name, workers
from stages.base.errors import run_stage
from stages.base.files import write_csv, write_json
from stages.base.params import read_section, read_seed, read_value
from stages.base.seed import derive_int
from stages.batch.loader import Batch, RenderSpec, open_photos, train_batches
from stages.batch.views import AugmentParams
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.lr_range import LrFindParams, SweepPoint, sweep
from stages.train.lr_suggest import suggest, suggestion_from_params
from stages.train.param_groups import freeze, unfreeze
from stages.train.step import make_trainer


def main() -> None:
    """Sweep the learning rate, unless fine_tune.base_lr already names it."""
    base_lr = read_value("fine_tune.base_lr", float | str)
    points = sweep_start() if base_lr == "auto" else []
    curve = pd.DataFrame(points, columns=list(SweepPoint._fields))
    if base_lr == "auto":
        lrs, losses, raw = (curve[name].to_numpy() for name in ("lr", "smoothed", "loss"))
        suggestion = suggest(lrs, losses, raw, read_value("lr_find.steps", int))
    else:
        suggestion = suggestion_from_params(base_lr)
    write_csv("reports/lr_find/curve.csv", curve)
    write_json("reports/lr_find/suggestion.json", asdict(suggestion))
    print(suggestion)


def sweep_start() -> list[SweepPoint]:
    """Return the curve for the first phase: the head alone, or without freeze_epochs the whole."""
    seed = read_seed()
    augment = read_section("augment", AugmentParams)
    batch_size = read_value("fine_tune.batch_size", int)
    loss = read_value("fine_tune.loss", str)
    smoothing = read_value("fine_tune.label_smoothing", float)
    train_bn = read_value("fine_tune.train_bn", bool)

    splits = read_splits(Path("data/splits.csv"))
    train = splits[splits["split"] == "train"]
    class_names = list_class_names(splits)
    arch, model_seed = read_section("model", ModelParams), derive_int(seed, "model")
    model = build_classifier(arch, len(class_names), model_seed, augment.size)
    compute = open_device(device_name(), read_value("fine_tune.precision", str), model)
    model = model.to(compute.device)
    photos = open_photos(
        Store(Path("data/presized")), train, class_names, workers(), compute.device
    )
    look = RenderSpec(augment.size, model.mean, model.std, compute.device)

    def batches(epoch: int) -> Iterator[Batch]:
        return train_batches(photos, look, augment, batch_size, seed, epoch)

    frozen = read_value("fine_tune.freeze_epochs", int) > 0
    (freeze if frozen else unfreeze)(model, train_bn)
    trainer = make_trainer(model, compute, loss, smoothing)
    endless = chain.from_iterable(batches(epoch) for epoch in count(1))
    return sweep(trainer, train_bn, endless, read_section("lr_find", LrFindParams), seed)


if __name__ == "__main__":
    run_stage(main)
