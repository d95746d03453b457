"""How long training waits for its input, and how fast it is beside the model alone.

The real loader feeds the real step, and in turn the same step takes one batch again and again that
is ready in memory. Digits train as params.yaml has it, pets with what it says for photographs, with
the body frozen and unfrozen.
Run: python -m benchmarks.feeding [--photos FOLDER], where FOLDER holds photos of pets named like
great_pyrenees_173.jpg. Results: benchmarks/results/feeding.json.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import chdir
from itertools import islice
from pathlib import Path

from benchmarks.measure import figure, machine, ratio, record
from benchmarks.training import photograph_values, prepare
from stages.base.environment import workers
from stages.base.params import read_section
from stages.base.ranks import SINGLE_PROCESS
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.batch.loader import Batch, RenderSpec
from stages.batch.views import AugmentParams
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import ModelParams, build_classifier
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.input_wait import TimedIterator
from stages.train.param_groups import freeze, layer_groups, train_mode, unfreeze
from stages.train.plan import FineTuneParams
from stages.train.step import Trainer, make_trainer

ROUNDS, SECONDS = 28, 2.0  # short rounds, since the machine itself varies from minute to minute
PACKAGES = ["torch", "timm", "numba", "numpy"]


def trainer_and_feed(frozen: bool) -> tuple[Trainer, DataLoaders]:
    """Return what fine_tune would train with in this folder, and what it would feed."""
    augment = read_section("augment", AugmentParams)
    params = read_section("fine_tune", FineTuneParams)
    splits, store = read_splits(Path("data/splits.csv")), Store(Path("data/presized"))
    class_names = list_class_names(splits)
    model = build_classifier(read_section("model", ModelParams), len(class_names), 1, augment.size)
    compute = open_device("auto", params.precision, model)
    look = RenderSpec(augment.size, model.mean, model.std, compute.device)
    feed = open_dataloaders(
        store, splits, class_names, look, augment, params.batch_size, 1, SINGLE_PROCESS, workers()
    )
    (freeze if frozen else unfreeze)(model.to(compute.device), params.train_bn)
    train_mode(model, params.train_bn)
    return make_trainer(model, compute, params.loss, params.label_smoothing), feed


def endless(feed: DataLoaders) -> Iterator[Batch]:
    """Yield batches of one epoch after another."""
    epoch = 1
    while True:
        yield from feed.batches(epoch, 0)
        epoch += 1


def pace(trainer: Trainer, batches: Iterable[Batch]) -> tuple[float, float]:
    """Take the steps; return images/s, and the share of the time that was spent waiting."""
    groups, timed, images = len(layer_groups(trainer.model)), TimedIterator(batches), 0
    for batch in timed:
        trainer.step(batch, [1e-5] * groups, 0.9, 1)
        images += len(batch.rows)
    return images / timed.total, timed.share


def measured(frozen: bool) -> dict[str, object]:
    """Compare both kinds of input in turn."""
    trainer, feed = trainer_and_feed(frozen)
    ready = next(iter(feed.batches(1, 0)))
    pace(trainer, [ready] * 2)
    start = time.perf_counter()
    pace(trainer, [ready] * 2)
    steps = max(3, int(2 * SECONDS / (time.perf_counter() - start)))
    real = endless(feed)
    fed, alone = [], []
    for _ in range(ROUNDS):
        fed.append(pace(trainer, islice(real, steps)))
        alone.append(pace(trainer, [ready] * steps))
    return {
        "images/s": figure([speed for speed, _ in fed]),
        "share of the time spent waiting": figure([share for _, share in fed], "at most 0.02"),
        "images/s, real / ready in memory": ratio(
            [speed for speed, _ in fed], [speed for speed, _ in alone], "at least 0.98"
        ),
        "steps a round": steps,
    }


def main() -> None:
    """Measure the digits, and pets if there are photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path)
    photos = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as scratch:
        digits, pets = Path(scratch) / "digits", Path(scratch) / "pets"
        prepare(digits, None, {})
        with chdir(digits):
            record("feeding", "digits, 96 px", machine(PACKAGES), measured(frozen=False))
        if photos:
            prepare(pets, photos, photograph_values())
            with chdir(pets):
                for name, frozen in (("frozen", True), ("unfrozen", False)):
                    part = f"pets, 224 px, {name}"
                    record("feeding", part, machine(PACKAGES), measured(frozen))


if __name__ == "__main__":
    main()
