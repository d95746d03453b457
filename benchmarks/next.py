"""Whether what the page expects of more photos comes true: hide photos, predict, reveal, compare.

For each draw half of the photos are shown (or a quarter), the learning curve of the probe is
computed from these alone, and the error at twice (four times) the photos is compared with what the
probe then errs on, out of fold, over all photos. For the classes that are named, hidden photos of
them are added to those that the probes are fitted on. The rule was first chosen on the digits; on
pets its interval at four times the photos was too narrow, so its spread was chosen on pets. What
another fit adds to the gain of classes was chosen on the digits. Hands and traffic signs, of
recipe_sets.py, were then run once.
Run: python -m benchmarks.next [digits] [pets --photos FOLDER] [SET ... --clones FOLDER]
[--work FOLDER]: photos of pets are named like great_pyrenees_173.jpg, and features in the work
folder are kept. Results: results/next.json.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.build_sets import build
from benchmarks.measure import machine, record, with_mean
from benchmarks.pet_features import PetFeatures, frozen_features
from stages.base.seed import derive
from stages.stats.learning_curve import LearningCurve, learning_curve_table, read_learning_curve
from stages.stats.photo_outlook import MORE_PHOTOS, expect_errors
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import FOLDS, assign_folds
from stages.train.probe_curve import probe_curve

DRAWS = 50
CLASS_DRAWS = 10  # of hidden photos of the named classes; each takes as long as four of the others
SIZE = 288  # pixels, as baseline has them
PACKAGES = ["numpy", "scipy", "scikit-learn", "timm", "torch"]


@dataclass(frozen=True, kw_only=True)
class Photos:
    """The photos of a set, or some of them."""

    features: np.ndarray  # (N, F)
    targets: np.ndarray  # (N,)
    groups: np.ndarray  # (N,) of copies

    def take(self, rows: np.ndarray) -> "Photos":
        """Return those in these rows."""
        return Photos(
            features=self.features[rows], targets=self.targets[rows], groups=self.groups[rows]
        )


def shown(photos: Photos, share: float, draw: np.random.Generator) -> np.ndarray:
    """Return which photos are shown, (N,) bool: a share of the groups of copies."""
    groups = draw.permutation(np.unique(photos.groups))
    return np.isin(photos.groups, groups[: round(share * len(groups))])


def curve_of(photos: Photos, draw: np.random.Generator) -> LearningCurve:
    """Return the learning curve of these photos."""
    wrong = probe_curve(photos.features, photos.targets, photos.groups, draw)
    names = np.array([f"{number:03}" for number in range(photos.targets.max() + 1)])
    return read_learning_curve(learning_curve_table(names, photos.targets, wrong).astype(str))


def error_with(photos: Photos, more: Photos | None = None) -> float:
    """Return the error out of fold, in which every probe is fitted on more photos too."""
    folds = assign_folds(photos.targets, photos.groups)
    wrong = np.zeros(len(folds), bool)
    for fold in range(FOLDS):
        test = folds == fold
        features, targets = photos.features[~test], photos.targets[~test]
        if more is not None:
            features = np.concatenate([features, more.features])
            targets = np.concatenate([targets, more.targets])
        predicted = fit_probe(features, targets).predict(photos.features[test])
        wrong[test] = predicted != photos.targets[test]
    return float(wrong.mean())


def backtest(photos: Photos) -> dict[str, Any]:
    """Return how often the interval at twice and at four times the photos held the error."""
    truth = error_with(photos)
    figures: dict[str, Any] = {"error of all, %": round(100 * truth, 2)}
    for position, (factor, share) in enumerate(((2, 0.5), (4, 0.25))):
        held, off, width, told = [], [], [], []
        for number in range(DRAWS):
            draw = derive(42, "next", factor, number)
            outlook = expect_errors(curve_of(photos.take(shown(photos, share, draw)), draw), draw)
            expected = outlook.expected[position]
            held.append(expected.error.low <= truth <= expected.error.high)
            off.append(100 * ((expected.error.value or 0) - truth))
            width.append(100 * (expected.error.high - expected.error.low))
            told.append(expected.gain.low > 0)
        name = f"{factor} times the photos"
        figures |= {
            f"{name}, interval holds the error, %": round(100 * float(np.mean(held)), 1),
            f"{name}, points too high": with_mean(off),
            f"{name}, width": with_mean(width),
            f"{name}, said to help, %": round(100 * float(np.mean(told)), 1),
        }
    return figures | classes_named(photos)


def classes_named(photos: Photos) -> dict[str, Any]:
    """Return what hidden photos of the named classes gave, beside what was expected of them."""
    by_named, by_others, expected = [], [], []
    for number in range(CLASS_DRAWS):
        draw = derive(42, "next", "classes", number)
        seen = shown(photos, 0.5, draw)
        few = photos.take(seen)
        outlook = expect_errors(curve_of(few, draw), draw)
        if outlook.classes.gain.value is None:
            continue
        named = np.array([int(label) for label in outlook.classes.labels])
        others = draw.choice(
            np.setdiff1d(np.unique(few.targets), named), size=len(named), replace=False
        )
        before = error_with(few)
        by_named.append(before - error_with(few, hidden(photos, ~seen, named)))
        by_others.append(before - error_with(few, hidden(photos, ~seen, others)))
        expected.append(outlook.classes.gain)
    figures: dict[str, Any] = {"draws in which classes were named": len(expected)}
    if expected:
        held = [
            interval.low <= gain <= interval.high
            for gain, interval in zip(by_named, expected, strict=True)
        ]
        figures |= {
            "gain by the named, points": with_mean([100 * gain for gain in by_named]),
            "gain by as many others, points": with_mean([100 * gain for gain in by_others]),
            "gain expected, points": with_mean([100 * (gain.value or 0) for gain in expected]),
            "gain, interval holds it, %": round(100 * float(np.mean(held)), 1),
        }
    return figures


def hidden(photos: Photos, rows: np.ndarray, classes: np.ndarray) -> Photos:
    """Return at most MORE_PHOTOS of the hidden photos of each of some classes."""
    taken = [np.flatnonzero(rows & (photos.targets == number))[:MORE_PHOTOS] for number in classes]
    return photos.take(np.concatenate(taken))


def as_photos(found: PetFeatures) -> Photos:
    """Return the features of a set as photos."""
    groups = np.unique(found.groups, return_inverse=True)[1]
    return Photos(features=found.features, targets=found.truth, groups=groups)


def by_name(folder: Path) -> Path:
    """Return a folder in which the photos of folder/class/ are named class_0.jpg and so on."""
    flat = folder.with_name(f"{folder.name} by name")
    if not flat.exists():
        flat.mkdir()
        for number, photo in enumerate(sorted(folder.glob("*/*"))):
            shutil.copy(photo, flat / f"{photo.parent.name}_{number}{photo.suffix}")
    return flat


def main() -> None:
    """Run the sets asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["digits", "pets"])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        for name in options.sets:
            if name == "pets" and not options.photos:
                print("pets: left out, since --photos names no folder")
                continue
            folder = options.photos if name == "pets" else None
            if name not in ("digits", "pets"):
                folder = by_name(build(name, work / f"{name} set", options.clones))
            found = frozen_features(folder, work / name, work / f"{name}.npz", SIZE)
            record("next", name, machine(PACKAGES), backtest(as_photos(found)))


if __name__ == "__main__":
    main()
