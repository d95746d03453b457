"""Whether drawing rare classes more often helps: grey scans of digits, unbalanced 20 to 1.

One digit has 100 training images, one 5, and those between fall evenly in logarithms; which digit
is how frequent, and which images train, is drawn for every seed. Forty other images of each digit
validate, so that their plain accuracy is the macro recall; weighted by the frequencies of training
they tell accuracy and calibration for photos from the same place. Two answers are judged: that of
the model, for classes as frequent as in training, and the same as if classes were equally frequent,
which takes no other training. Tests against no balance are paired by image, over all seeds: the
signs of the differences are drawn.
Run: python -m benchmarks.balance. Results: results/balance.json.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from PIL import Image
from scipy.special import softmax

from benchmarks.build_sets import scans
from benchmarks.measure import machine, record, with_mean
from stages.base.params import read_section
from stages.base.ranks import SINGLE_PROCESS
from stages.base.seed import derive
from stages.batch.balance import BalanceName
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import DataLoaders
from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.model.model_params import ModelParams
from stages.stats.bins import equal_mass_bins
from stages.train.infer import predict_batches
from stages.train.loop import fine_tune
from stages.train.plan import FineTuneParams
from stages.train.recipe import DEEP
from stages.train.run import RunInputs, RunParams, open_run

CLASSES = 10
MOST, LEAST = 100, 5  # training images of the largest and of the smallest class
VALID = 40  # images of each class
SEEDS = 5
EPOCHS = 15
RATE = 4e-3
SIZE = 32  # pixels, and the backbone is cut where its map is 8 times smaller
BINS = 10  # of as many images each
DRAWS = 20_000
PACKAGES = ["numpy", "scipy", "scikit-learn", "timm", "torch"]
_NONE: BalanceName = "none"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model answers on the validation images of a seed."""

    pred_probs: np.ndarray  # (V, C), for classes as frequent as in training
    targets: np.ndarray  # (V,)
    frequencies: np.ndarray  # (C,) of the classes in training
    assumed: np.ndarray  # (C,) frequencies that the probabilities are for

    def as_if_equal(self) -> "Answers":
        """Return the same answers for classes that are equally frequent."""
        logits = np.log(np.maximum(self.pred_probs, 1e-12)) - np.log(self.frequencies)
        equal = np.full(CLASSES, 1 / CLASSES)
        return replace(self, pred_probs=softmax(logits, axis=1), assumed=equal)

    @property
    def right(self) -> np.ndarray:
        """Return which images are right, (V,)."""
        right: np.ndarray = self.pred_probs.argmax(axis=1) == self.targets
        return right

    @property
    def weights(self) -> np.ndarray:
        """Return how much each image counts, (V,), mean 1, if classes are as in training."""
        weights: np.ndarray = CLASSES * self.frequencies[self.targets]
        return weights

    def calibration_error(self) -> float:
        """Return the expected calibration error, in points, for the frequencies assumed."""
        weights = CLASSES * self.assumed[self.targets]
        confidence = self.pred_probs.max(axis=1)
        bins = equal_mass_bins(confidence, BINS, 1)
        gaps = np.bincount(bins, weights=weights * (confidence - self.right))
        return 100 * float(np.abs(gaps).sum() / weights.sum())


def unbalanced_sets(draw: np.random.Generator) -> tuple[ImageSet, ImageSet]:
    """Return the training images of a seed, and its validation images."""
    photos = list(scans())
    targets = np.array([int(name[0]) for name, _ in photos])
    pixels = [np.asarray(Image.open(BytesIO(content)).convert("RGB")) for _, content in photos]
    counts = np.round(np.geomspace(MOST, LEAST, CLASSES)).astype(int)
    train: list[int] = []
    valid: list[int] = []
    for number, count in zip(draw.permutation(CLASSES), counts, strict=True):
        rows = draw.permutation(np.flatnonzero(targets == number)).tolist()
        train += rows[:count]
        valid += rows[count : count + VALID]

    def image_set(rows: list[int]) -> ImageSet:
        images = [torch.tensor(pixels[row]) for row in rows]
        return ImageSet([photos[row][0] for row in rows], targets[rows], images.__getitem__)

    return image_set(train), image_set(valid)


def answers_of(balance: BalanceName, seed: int, folder: Path) -> Answers:
    """Train as the recipe for shapes does, on smaller images, and return the answers."""
    train, valid = unbalanced_sets(derive(seed, "benchmark", "balance"))
    few = valid.subset(np.arange(len(valid), step=VALID))  # of each class one, after every epoch

    def open_loaders(render: RenderSpec, augment: AugmentParams, plan: BatchPlan) -> DataLoaders:
        return DataLoaders(
            train=train, valid=few, classes=CLASSES, render=render, augment=augment, plan=plan
        )

    augment = read_section("augment", AugmentParams, DEEP).model_copy(update={"size": SIZE})
    params = read_section("fine_tune", FineTuneParams, DEEP)
    changed = params.model_copy(update={"epochs": EPOCHS, "balance": balance, "precision": "fp32"})
    inputs = RunInputs(
        open_loaders=open_loaders,
        classes=CLASSES,
        seed=seed,
        device="cpu",
        rank=SINGLE_PROCESS,
        checkpoints=folder / f"{balance} {seed}",
        fingerprints={},
    )
    model = read_section("model", ModelParams, DEEP).model_copy(update={"cut": 8})
    run = open_run(RunParams(augment=augment, model=model, fine_tune=changed), inputs)
    fine_tune(run.task, RATE, lambda line: print(f"{balance} {seed}: {line}", flush=True))
    batches = valid_batches(valid, run.loaders.render, VALID)
    answers = predict_batches(run.task.model, batches, run.task.compute, changed.loss)
    frequencies = np.bincount(train.targets, minlength=CLASSES) / len(train)
    return Answers(
        pred_probs=answers.pred_probs,
        targets=valid.targets,
        frequencies=frequencies,
        assumed=frequencies,
    )


def p_value(differences: np.ndarray, draw: np.random.Generator) -> float:
    """Return how often drawn signs make the sum of paired differences (N,) as large, at least."""
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    signs = draw.choice([-1.0, 1.0], (DRAWS, len(moved)))
    extreme = np.abs(signs @ moved) >= abs(moved.sum()) - 1e-9
    return float(f"{(extreme.sum() + 1) / (DRAWS + 1):.2g}")


def compare(answers: list[Answers], against: list[Answers]) -> dict[str, Any]:
    """Return the scores over the seeds, with paired tests against those of none."""
    draw = derive(42, "benchmark", "balance", "signs")
    right = np.concatenate([one.right for one in answers]).astype(float)
    before = np.concatenate([one.right for one in against]).astype(float)
    weights = np.concatenate([one.weights for one in answers])
    return {
        "macro recall, %": with_mean([100 * float(one.right.mean()) for one in answers]),
        "p of the macro recall": p_value(right - before, draw),
        "accuracy, %": with_mean(
            [100 * float(np.average(one.right, weights=one.weights)) for one in answers]
        ),
        "p of the accuracy": p_value(weights * (right - before), draw),
        "calibration error, points": with_mean([one.calibration_error() for one in answers]),
    }


def figures_of(answers: Mapping[BalanceName, list[Answers]]) -> dict[str, Any]:
    """Return the figures of every balance, as answered and as if classes were equally frequent."""
    against = answers[_NONE]
    equal = {name: [one.as_if_equal() for one in of_name] for name, of_name in answers.items()}
    return {
        **{f"{name}": compare(of_name, against) for name, of_name in answers.items()},
        **{f"{name}, as if equal": compare(equal[name], against) for name in answers},
    }


def main() -> None:
    """Train every balance on every seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = range(1, 1 + parser.parse_args().seeds)
    names: tuple[BalanceName, ...] = get_args(BalanceName)
    with tempfile.TemporaryDirectory() as folder:
        answers = {name: [answers_of(name, seed, Path(folder)) for seed in seeds] for name in names}
    record("balance", "scans, 100 to 5 images", machine(PACKAGES), figures_of(answers))


if __name__ == "__main__":
    main()
