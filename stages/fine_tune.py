"""Fine-tuning: the head alone, then the whole model, each for one cycle.

Reads   data/presized/, data/splits.csv, reports/lr_find/suggestion.json
Writes  data/model/, data/predictions.npz, reports/fine_tune/, its checkpoint
Run     python -m stages.fine_tune
"""

import json
from pathlib import Path

from tqdm import tqdm

from stages.base.environment import device_name, gpus, workers
from stages.base.errors import PRIVATE, run_stage
from stages.base.files import write_csv, write_json
from stages.base.fingerprint import stage_fingerprints
from stages.base.params import read_section, read_seed, read_value
from stages.base.ranks import this_rank
from stages.base.seed import derive_int
from stages.batch.dataloaders import open_dataloaders
from stages.batch.loader import RenderSpec
from stages.batch.views import AugmentParams
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.model.files import save_model
from stages.stats.fine_tuned import outcomes_of, predictions_of
from stages.stats.predictions import write_predictions
from stages.store.reader import Store
from stages.train.checkpoint import Checkpoints
from stages.train.device import open_device
from stages.train.launch import launch
from stages.train.loop import TrainingData, TrainingTask, fine_tune
from stages.train.plan import FineTuneParams
from stages.train.saliency import images_to_explain, saliency_maps


def main() -> None:
    """Train here, or with FINETRACK_GPUS in a process for each of so many GPUs."""
    launch(train, gpus(), device_name())


def train() -> None:
    """Train, and keep the model, its history, and what it predicts for validation."""
    seed, augment, rank = read_seed(), read_section("augment", AugmentParams), this_rank()
    arch, params = read_section("model", ModelParams), read_section("fine_tune", FineTuneParams)
    base_lr = params.choose_lr(json.loads(Path("reports/lr_find/suggestion.json").read_bytes()))

    splits, store = read_splits(Path("data/splits.csv")), Store(Path("data/presized"))
    class_names = list_class_names(splits)
    model = build_classifier(arch, len(class_names), derive_int(seed, "model"), augment.size)
    compute = open_device(device_name(), params.precision, model, rank)
    look = RenderSpec(augment.size, model.mean, model.std, compute.device)
    feed = open_dataloaders(
        store, splits, class_names, look, augment, params.batch_size, seed, rank, workers()
    )
    data = TrainingData(feed.batches, feed.steps, feed.held, len(feed.train), feed.valid.targets)

    key = stage_fingerprints("fine_tune", workers()) if rank.first else {}
    kept = Checkpoints(PRIVATE / "fine_tune", key | {"machine": compute.machine()})
    task = TrainingTask(model.to(compute.device), params, compute, data, kept, seed)
    trained = fine_tune(task, base_lr, tqdm.write)
    if not rank.first:
        return

    facts = {**arch.model_dump(), "vocab": class_names, "size": augment.size, "loss": params.loss}
    facts |= {"presize": read_value("presize.size", int), "base_lr": base_lr, "seed": seed}
    save_model(Path("data/model"), model, facts | compute.facts())
    told = predictions_of(class_names, feed.valid, feed.train, *trained.arrays())
    seen = images_to_explain(told.pred_probs, told.targets)
    maps = saliency_maps(model, feed.looked_at(seen), compute)
    write_predictions("data/predictions.npz", told.with_maps(seen, maps))
    write_csv("reports/fine_tune/outcomes.csv", outcomes_of(told))
    write_csv("reports/fine_tune/history.csv", trained.history())
    write_json("reports/fine_tune/metrics.json", trained.metrics() | {"base_lr": base_lr})
    kept.remove()
    print(f"Fine-tuned {arch.arch}: {trained}")


if __name__ == "__main__":
    run_stage(main)
