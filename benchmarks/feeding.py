"""How long training waits for its input, and how fast it is beside the model alone.

The real loader feeds the real step, and in turn the same step takes one resident batch again and
again. Digits train as params.yaml has it, pets with the recipe from the probe, with
the backbone frozen and unfrozen.
Run: python -m benchmarks.feeding [--photos FOLDER], where FOLDER holds photos of pets named like
great_pyrenees_173.jpg. Results: benchmarks/results/feeding.json.
"""

from stages.base.environment import prepare_process
from stages.train.recipe import DEEP, FROM_PROBE

prepare_process()

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import chdir
from itertools import chain, count, islice
from pathlib import Path

from benchmarks.measure import figure, machine, ratio, record
from benchmarks.training import prepare, recipe_values
from stages.base.environment import kernel_choice, workers
from stages.base.params import read_section
from stages.batch.batches import Batch, BatchPlan
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.batch.views import AugmentParams
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import build_classifier
from stages.model.model_params import ModelParams
from stages.store.reader import Store
from stages.train.compiled import compile_where_asked
from stages.train.device import open_device
from stages.train.input_wait import TimedIterator
from stages.train.param_groups import freeze, layer_groups, train_mode, unfreeze
from stages.train.plan import FineTuneParams
from stages.train.step import Trainer, make_trainer

ROUNDS = 28
SECONDS = 2.0  # short rounds, since the machine itself varies from minute to minute
PACKAGES = ["torch", "timm", "numba", "numpy"]


def open_training(frozen: bool) -> tuple[Trainer, DataLoaders]:
    """Return trainer and dataloaders as fine_tune has them in this folder."""
    augment = read_section("augment", AugmentParams)
    params = read_section("fine_tune", FineTuneParams)
    splits = read_splits(Path("data/splits.csv"))
    store = Store(Path("data/presized"))
    classes = len(list_class_names(splits))
    model = build_classifier(read_section("model", ModelParams), classes, 1, augment.size)
    compute = open_device("auto", params.precision, model, kernels=kernel_choice())
    render = compute.render_spec(model, augment.size)
    plan = BatchPlan(batch_size=params.batch_size, seed=1)
    loaders = open_dataloaders(store, splits, workers(), render, augment, plan)
    model = model.to(compute.device)
    if frozen:
        freeze(model, params.train_bn)
    else:
        unfreeze(model, params.train_bn, params.frozen_share)
    train_mode(model, params.train_bn)
    trainer = make_trainer(model, compute, params.loss, params.label_smoothing)
    return compile_where_asked(trainer), loaders


def all_epochs(loaders: DataLoaders) -> Iterator[Batch]:
    """Yield the batches of one epoch after another, without end."""
    return chain.from_iterable(loaders.train_batches(epoch, 0) for epoch in count(1))


def train_on(trainer: Trainer, batches: Iterable[Batch]) -> tuple[float, float]:
    """Take a step for each batch; return images/s, and the share of the time spent waiting."""
    groups = len(layer_groups(trainer.model))
    timed = TimedIterator(batches)
    images = 0
    for batch in timed:
        trainer.step(batch, [1e-5] * groups, 0.9, 1)
        images += len(batch.rows)
    return images / timed.total, timed.share


def compare_inputs(frozen: bool) -> dict[str, object]:
    """Return the figures of both kinds of input, measured in turn."""
    trainer, loaders = open_training(frozen)
    resident = next(loaders.train_batches(1, 0))
    train_on(trainer, [resident] * 2)
    start = time.perf_counter()
    train_on(trainer, [resident] * 2)
    steps = max(3, int(2 * SECONDS / (time.perf_counter() - start)))
    batches = all_epochs(loaders)
    loaded_speeds = []
    waiting_shares = []
    resident_speeds = []
    for _ in range(ROUNDS):
        speed, share = train_on(trainer, islice(batches, steps))
        loaded_speeds.append(speed)
        waiting_shares.append(share)
        resident_speeds.append(train_on(trainer, [resident] * steps)[0])
    return {
        "images/s": figure(loaded_speeds),
        "share of the time spent waiting": figure(waiting_shares, "at most 0.02"),
        "images/s, real / ready in memory": ratio(loaded_speeds, resident_speeds, "at least 0.98"),
        "steps a round": steps,
    }


def main() -> None:
    """Measure the digits, and pets if there are photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path)
    photos = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as scratch:
        digits = Path(scratch) / "digits"
        pets = Path(scratch) / "pets"
        prepare(digits, None, recipe_values(DEEP))
        with chdir(digits):
            record("feeding", "digits, 96 px", machine(PACKAGES), compare_inputs(frozen=False))
        if photos:
            prepare(pets, photos, recipe_values(FROM_PROBE))
            with chdir(pets):
                for name, frozen in (("frozen", True), ("unfrozen", False)):
                    part = f"pets, from the probe, {name}"
                    record("feeding", part, machine(PACKAGES), compare_inputs(frozen))


if __name__ == "__main__":
    main()
