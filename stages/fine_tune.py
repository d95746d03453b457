"""Fine-tuning: the head alone, then the whole model, each for one cycle.

Reads   data/presized/, data/splits.csv, reports/lr_find/suggestion.json
Writes  data/model/, data/predictions.npz, reports/fine_tune/ (history, metrics, outcomes)
Run     python -m stages.fine_tune
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.base.errors import run_stage
from stages.base.files import write_csv, write_json
from stages.base.machine import device_name, workers
from stages.base.params import read_section, read_seed, read_value
from stages.base.seed import derive_int
from stages.batch.loader import Look, open_photos, train_batches, train_steps, valid_batches
from stages.batch.views import AugmentParams
from stages.dataset.splits import read_splits, vocabulary
from stages.dataset.store import Store
from stages.report.outcomes import outcomes
from stages.report.predictions import Predictions, write_predictions
from stages.train.attention import attention, worth_a_look
from stages.train.device import open_device
from stages.train.infer import predict
from stages.train.loop import Epoch, FineTuneParams, Margins, fine_tune
from stages.train.model import ModelParams, build
from stages.train.saved import save_model


def main() -> None:
    """Train, and keep the model, its history, and what it predicts for validation."""
    seed, augment = read_seed(), read_section("augment", AugmentParams)
    arch, params = read_section("model", ModelParams), read_section("fine_tune", FineTuneParams)
    compute = open_device(device_name(), params.precision)
    base_lr = params.choose_lr(json.loads(Path("reports/lr_find/suggestion.json").read_bytes()))

    splits = read_splits(Path("data/splits.csv"))
    vocab, store = vocabulary(splits), Store(Path("data/presized"))
    train = open_photos(store, splits[splits["split"] == "train"], vocab, workers(), compute.device)
    valid = open_photos(store, splits[splits["split"] == "valid"], vocab, workers(), compute.device)
    model = build(arch, len(vocab), derive_int(seed, "model"), augment.size).to(compute.device)
    look, size = Look(augment.size, model.mean, model.std, compute.device), params.batch_size

    margins, epochs = Margins(len(train)), list[Epoch]()
    for epoch in fine_tune(
        model, params, base_lr, compute,
        batches=lambda number: train_batches(train, look, augment, size, seed, number),
        steps=train_steps(len(train), size), margins=margins, seed=seed,
        evaluate=lambda: predict(model, valid_batches(valid, look, size), compute, params.loss),
    ):  # fmt: skip
        epochs.append(epoch)
        tqdm.write(epoch.line(valid.targets))

    history = pd.DataFrame([epoch.row(valid.targets) for epoch in epochs])
    last = history.iloc[-1]
    facts = {**arch.model_dump(), "vocab": vocab, "size": augment.size, "loss": params.loss}
    facts |= {"presize": read_value("presize.size", int), "base_lr": base_lr, "seed": seed}
    save_model(Path("data/model"), model, facts | compute.facts())
    names, paths, held = np.array(vocab), np.array(valid.paths), epochs[-1].predicted.probabilities
    seen = worth_a_look(held, valid.targets)
    maps = attention(model, valid_batches(valid.subset(seen), look, size), compute)
    predictions = Predictions(
        names, paths, valid.targets, held, np.array(train.paths), train.targets, margins.mean(),
        paths[seen[: len(maps)]], maps,
    )  # fmt: skip
    write_predictions("data/predictions.npz", predictions)
    write_csv("reports/fine_tune/history.csv", history)
    write_csv("reports/fine_tune/outcomes.csv", outcomes(names, paths, valid.targets, held))
    metrics = {"error_rate": last.error_rate, "accuracy": 1 - last.error_rate}
    metrics |= {"train_loss": last.train_loss, "valid_loss": last.valid_loss, "base_lr": base_lr}
    write_json("reports/fine_tune/metrics.json", metrics)
    print(f"Fine-tuned {arch.arch}: {last.error_rate:.1%} of {len(valid)} validation images wrong")


if __name__ == "__main__":
    run_stage(main)
