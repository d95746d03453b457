"""Which peak rate and batch size suit photographs: the head alone, trained on frozen features.

Every photo's features are computed once for its centre and for as many random views as there are
epochs, so that a training of the head takes a second and many can be compared. Each goes through
both cycles of fine_tune, with the real steps and rates, over divisions in which a fifth is for
validation; the backbone, which at lr_mult 100 hardly changes, is frozen. Beside it the linear
probe.
Run: python -m benchmarks.head_rates FOLDER, where FOLDER holds photos of pets named like
great_pyrenees_173.jpg. Results: benchmarks/results/head_rates.json.
"""

from stages.base.environment import prepare_process
from stages.train.recipe import FROM_PROBE

prepare_process()

import argparse
import tempfile
from collections.abc import Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.measure import machine, record, with_mean
from benchmarks.training import divide, prepare, recipe_values
from stages.base.params import read_section
from stages.batch.batches import Batch, BatchPlan
from stages.batch.image_set import ImageSet, open_image_set
from stages.batch.loader import train_batches, valid_batches
from stages.batch.views import AugmentParams
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import Classifier, ConcatPool, build_classifier, make_head
from stages.model.model_params import ModelParams
from stages.store.reader import Store
from stages.train.device import Compute, open_device
from stages.train.discriminant import fit_probe
from stages.train.infer import predict_batches
from stages.train.param_groups import freeze
from stages.train.plan import FineTuneParams, epoch_plans, phases
from stages.train.step import make_trainer

DIVISIONS = range(1, 11)
RATES = (0.0003, 0.0005, 0.0007, 0.001, 0.002, 0.004)
SIZES = (24, 64)
PACKAGES = ["torch", "torchvision", "timm", "numpy", "scikit-learn"]


@dataclass(frozen=True, kw_only=True)
class Features:
    """The data of every division; features are pooled, largest and mean."""

    views: Tensor  # (epochs, N, F), of the random views
    centres: Tensor  # (N, F)
    targets: Tensor  # (N,)
    class_count: int
    params: FineTuneParams


def compute_features(compute: Compute) -> Features:
    """Compute the features of all photos in the folder at hand."""
    params = read_section("fine_tune", FineTuneParams)
    augment = read_section("augment", AugmentParams)
    splits = read_splits(Path("data/splits.csv"))
    store = Store(Path("data/presized"))
    class_names = list_class_names(splits)
    model = build_classifier(read_section("model", ModelParams), len(class_names), 0, augment.size)
    photos = open_image_set(store, splits, class_names, 2)
    render = compute.render_spec(model, augment.size)
    epochs = round(params.epochs + params.freeze_epochs)
    # One photo a batch, since training leaves out a last one that is not full.
    plan = BatchPlan(batch_size=1, seed=0)
    views = [
        pooled(model, photos, train_batches(photos, render, augment, plan, epoch))
        for epoch in range(1, epochs + 1)
    ]
    return Features(
        views=torch.stack(views),
        centres=pooled(model, photos, valid_batches(photos, render, 32)),
        targets=torch.as_tensor(photos.targets),
        class_count=len(class_names),
        params=params,
    )


def pooled(model: Classifier, photos: ImageSet, batches: Iterable[Batch]) -> Tensor:
    """Return the output of the head's first layer for every photo, in the photos' order."""
    pool = ConcatPool()
    features = torch.empty(0)
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            of_batch = pool(model.features(batch.images)).float()
            if not len(features):
                features = torch.empty(len(photos), of_batch.shape[1])
            features[torch.as_tensor(batch.rows)] = of_batch
    return features.clone()


def head_of(features: int, class_count: int) -> Classifier:
    """Return the linear head after its pooling, as a classifier whose backbone does nothing."""
    ones = (1.0, 1.0, 1.0)
    head = make_head("linear", features // 2, class_count)[1:]
    return Classifier(nn.Identity(), head, ones, ones)


def error_of(data: Features, valid: np.ndarray, rate: float, size: int, seed: int) -> float:
    """Return the error in percent on the validation images, of a head trained on the rest."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(~valid)
    compute = open_device("cpu", "fp32")
    model = head_of(data.centres.shape[1], data.class_count)
    freeze(model, train_bn=False)
    steps = len(rows) // size
    for plan in epoch_plans(phases(data.params, rate, 2), steps):
        if plan.epoch_in_phase == 0:  # a phase begins with a fresh optimizer
            trainer = make_trainer(model, compute, "cross_entropy", 0.0)
        model.train()
        order = rng.permutation(rows)
        for step in range(steps):
            batch_rows = order[step * size : (step + 1) * size]
            batch = Batch(
                images=data.views[plan.number - 1][batch_rows],
                targets=data.targets[batch_rows],
                rows=batch_rows,
            )
            trainer.step(batch, *plan.rates(step), int(rng.integers(2**31)))
    valid_rows = np.flatnonzero(valid)
    targets = data.targets[valid_rows]
    batches = [Batch(images=data.centres[valid_rows], targets=targets, rows=valid_rows)]
    inference = predict_batches(model, batches, compute, "cross_entropy")
    return 100 * float(np.mean(inference.pred_probs.argmax(1) != targets.numpy()))


def probe_error(data: Features, valid: np.ndarray) -> float:
    """Return the linear probe's error in percent, on the mean features alone as in baseline."""
    means = data.centres[:, data.centres.shape[1] // 2 :].numpy()
    targets = data.targets.numpy()
    predicted = fit_probe(means[~valid], targets[~valid]).predict(means[valid])
    return 100 * float(np.mean(predicted != targets[valid]))


def main() -> None:
    """Compare the rates and the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    photos = parser.parse_args().photos.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pets"
        prepare(folder, photos, recipe_values(FROM_PROBE))
        valid_masks = []
        for division in DIVISIONS:
            divide(folder, division)
            splits = read_splits(folder / "data/splits.csv")
            valid_masks.append(splits["split"].eq("valid").to_numpy())
        with chdir(folder):
            data = compute_features(open_device("cpu", "fp32"))
    figures = {"probe, error, %": with_mean([probe_error(data, valid) for valid in valid_masks])}
    for size in SIZES:
        for rate in RATES:
            pairs = zip(valid_masks, DIVISIONS, strict=True)
            errors = [error_of(data, valid, rate, size, seed) for valid, seed in pairs]
            figures[f"{rate} in batches of {size}, error, %"] = with_mean(errors)
    record("head_rates", "pets", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
