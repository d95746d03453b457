"""Fine-tuning: the head alone, then the whole model, each for one cycle.

Reads   data/presized/, data/splits.csv, data/probe.npz,
        reports/lr_find/suggestion.json
Writes  data/model/, data/predictions.npz, reports/fine_tune/, its checkpoint
Run     python -m stages.fine_tune
"""

from stages.base.environment import prepare_process

prepare_process()

from pathlib import Path

import numpy as np
from tqdm import tqdm

from stages.base.entry_point import run_stage
from stages.base.environment import device_name, gpus, workers
from stages.base.files import write_csv, write_json
from stages.base.fingerprint import stage_fingerprints
from stages.base.params import read_section, read_seed, read_value
from stages.base.parts import PRIVATE_FOLDER
from stages.base.ranks import this_rank
from stages.base.seed import derive_int
from stages.base.terminal import say
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import open_dataloaders
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.model.files import ModelCard, save_model
from stages.model.probe import can_be_probe
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import write_predictions
from stages.store.reader import Store
from stages.train.checkpoint import Checkpoints
from stages.train.device import open_device
from stages.train.distributed import process_group
from stages.train.launch import launch
from stages.train.lr_suggest import read_suggestion
from stages.train.plan import FineTuneParams
from stages.train.probe_start import read_probe_start
from stages.train.saliency import images_to_explain, saliency_maps
from stages.train.training_data import TrainingData, TrainingTask
from stages.train.trial import train_from


def main() -> None:
    """Train here, or with FINETRACK_GPUS in a process for each of so many GPUs."""
    launch(train, gpus(), device_name())


def train() -> None:
    """Train, and write the model, its history, and its predictions for validation."""
    seed = read_seed()
    augment = read_section("augment", AugmentParams)
    model_params = read_section("model", ModelParams)
    params = read_section("fine_tune", FineTuneParams)
    presize = read_value("presize.size", int)
    base_lr = params.choose_lr(read_suggestion(Path("reports/lr_find/suggestion.json")))
    rank = this_rank()
    store = Store(Path("data/presized"))
    splits = read_splits(Path("data/splits.csv"))
    class_names = list_class_names(splits)
    model_seed = derive_int(seed, "model")
    model = build_classifier(model_params, len(class_names), model_seed, augment.size)
    compute = open_device(device_name(), params.precision, model, rank)
    render = RenderSpec(size=augment.size, mean=model.mean, std=model.std, device=compute.device)
    plan = BatchPlan(batch_size=params.batch_size, seed=seed, rank=rank)
    loaders = open_dataloaders(store, splits, render, augment, plan, workers())
    data = TrainingData.from_loaders(loaders)
    fingerprints = stage_fingerprints("fine_tune", workers()) if rank.first else {}
    inputs = {**fingerprints, "machine": compute.machine()}
    checkpoints = Checkpoints(PRIVATE_FOLDER / "fine_tune", inputs)
    task = TrainingTask(model.to(compute.device), params, compute, data, checkpoints, seed)
    start = read_probe_start("data/probe.npz")
    probed = can_be_probe(model_params, params.loss)
    with process_group(compute):
        trained, trial = train_from(start, probed, task, loaders, base_lr, tqdm.write)
    if not rank.first:
        return

    card = ModelCard(
        params=model_params,
        class_names=class_names,
        size=augment.size,
        loss=params.loss,
        presize=presize,
        base_lr=base_lr,
        seed=seed,
        **compute.facts(),
    )
    save_model(Path("data/model"), model, card)
    predictions = trained.predictions(np.array(class_names), loaders)
    rows = images_to_explain(predictions.pred_probs, predictions.targets)
    maps = saliency_maps(model, loaders.valid_subset(rows), compute)
    write_predictions("data/predictions.npz", predictions.with_maps(rows, maps))
    write_csv("reports/fine_tune/outcomes.csv", outcomes_table(predictions))
    write_csv("reports/fine_tune/history.csv", trained.history())
    facts = {"base_lr": base_lr, "trial": trial.as_dict() if trial else None}
    write_json("reports/fine_tune/metrics.json", trained.metrics() | facts)
    checkpoints.remove()
    say(f"{'Fine-tuned' if trained.trained else 'The probe on'} {model_params.arch}: {trained}")


if __name__ == "__main__":
    run_stage(main)
