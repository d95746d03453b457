"""Which peak rate and batch size suit photographs: the head alone, trained on frozen features.

Every photo's features are computed once for its centre and for as many random views as there are
epochs, so that a training of the head takes a second and many can be compared. Each goes through
both cycles of fine_tune, with the real steps and rates, over divisions in which a fifth is held
out; the body, which at lr_mult 100 hardly moves, stands still. Beside it the linear probe.
Run: python -m benchmarks.head_rates FOLDER, where FOLDER holds photos of pets named like
great_pyrenees_173.jpg. Results: benchmarks/results/head_rates.json.
"""

import argparse
import tempfile
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.measure import machine, record, with_mean
from benchmarks.training import divide, photograph_values, prepare
from stages.base.params import read_section
from stages.batch.loader import Batch, Photos, RenderSpec, open_photos, train_batches, valid_batches
from stages.batch.views import AugmentParams
from stages.dataset.splits import list_class_names, read_splits
from stages.model.classifier import Classifier, ConcatPool, ModelParams, build_classifier, make_head
from stages.store.reader import Store
from stages.train.device import Compute, open_device
from stages.train.infer import predict_batches
from stages.train.param_groups import freeze
from stages.train.plan import FineTuneParams, epoch_plans, phases
from stages.train.probe import fit_probe
from stages.train.step import make_trainer

DIVISIONS = range(1, 11)
RATES, SIZES = (0.0003, 0.0005, 0.0007, 0.001, 0.002, 0.004), (24, 64)
PACKAGES = ["torch", "torchvision", "timm", "numpy", "scikit-learn"]


class Known(NamedTuple):
    """What does not depend on the division; features are pooled, largest and mean."""

    views: Tensor  # (epochs, N, F), of the random views
    centres: Tensor  # (N, F)
    targets: Tensor  # (N,)
    classes: int
    params: FineTuneParams


def known(compute: Compute) -> Known:
    """Compute the features of all photos in the folder at hand."""
    params = read_section("fine_tune", FineTuneParams)
    augment = read_section("augment", AugmentParams)
    splits, store = read_splits(Path("data/splits.csv")), Store(Path("data/presized"))
    class_names = list_class_names(splits)
    body = build_classifier(read_section("model", ModelParams), len(class_names), 0, augment.size)
    photos = open_photos(store, splits, class_names, 2, compute.device)
    look = RenderSpec(augment.size, body.mean, body.std, compute.device)
    epochs = params.epochs + params.freeze_epochs
    # One photo a batch, since training leaves out a last one that is not full.
    views = [
        pooled(body, photos, train_batches(photos, look, augment, 1, 0, epoch, 0))
        for epoch in range(1, epochs + 1)
    ]
    centres = pooled(body, photos, valid_batches(photos, look, 32))
    targets = torch.as_tensor(photos.targets)
    return Known(torch.stack(views), centres, targets, len(class_names), params)


def pooled(model: Classifier, photos: Photos, batches: Iterable[Batch]) -> Tensor:
    """Return what the head's first layer makes of every photo, in the photos' order."""
    pool, found = ConcatPool(), torch.empty(0)
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            rows = pool(model.features(batch.images)).float()
            found = found if len(found) else torch.empty(len(photos), rows.shape[1])
            found[torch.as_tensor(batch.rows)] = rows
    return found.clone()


def head_of(features: int, classes: int) -> Classifier:
    """Return the linear head after its pooling, as a classifier whose body does nothing."""
    one = (1.0, 1.0, 1.0)
    head = make_head("linear", features // 2, classes)[1:]
    return Classifier(nn.Identity(), head, one, one)


def error_of(of: Known, held: np.ndarray, rate: float, size: int, seed: int) -> float:
    """Return the error in percent on what is held out, of a head trained on the rest."""
    rng, rows = np.random.default_rng(seed), np.flatnonzero(~held)
    compute = open_device("cpu", "fp32")
    model = head_of(of.centres.shape[1], of.classes)
    freeze(model, train_bn=False)
    steps = len(rows) // size
    for at in epoch_plans(phases(of.params, rate, 2), steps):
        if at.epoch == 0:  # of a phase, which begins with a fresh optimiser
            trainer = make_trainer(model, compute, "cross_entropy", 0.0)
        model.train()
        order = rng.permutation(rows)
        for step in range(steps):
            some = order[step * size : (step + 1) * size]
            batch = Batch(of.views[at.number - 1][some], of.targets[some], some)
            trainer.step(batch, *at.rates(step), int(rng.integers(2**31)))
    some = np.flatnonzero(held)
    shown = [Batch(of.centres[some], of.targets[some], some)]
    said = predict_batches(model, shown, compute, "cross_entropy").pred_probs.argmax(1)
    return 100 * float(np.mean(said != of.targets[some].numpy()))


def probe_error(of: Known, held: np.ndarray) -> float:
    """Return the linear probe's error in percent, on the mean features alone as in baseline."""
    mean, targets = of.centres[:, of.centres.shape[1] // 2 :].numpy(), of.targets.numpy()
    said = fit_probe(mean[~held], targets[~held]).predict(mean[held])
    return 100 * float(np.mean(said != targets[held]))


def main() -> None:
    """Compare the rates and the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    photos = parser.parse_args().photos.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pets"
        prepare(folder, photos, photograph_values())
        halves = []
        for division in DIVISIONS:
            divide(folder, division)
            halves.append(read_splits(folder / "data/splits.csv")["split"].eq("valid").to_numpy())
        with chdir(folder):
            of = known(open_device("cpu", "fp32"))
    figures = {"probe, error, %": with_mean([probe_error(of, held) for held in halves])}
    for size in SIZES:
        for rate in RATES:
            pairs = zip(halves, DIVISIONS, strict=True)
            errors = [error_of(of, held, rate, size, seed) for held, seed in pairs]
            figures[f"{rate} in batches of {size}, error, %"] = with_mean(errors)
    record("head_rates", "pets", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
