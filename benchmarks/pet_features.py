"""Photos as the frozen backbone sees them: the features of each, with its class."""

from stages.base.environment import prepare_process
from stages.train.recipe import FROM_PROBE

prepare_process()

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.training import prepare, recipe_values
from stages.batch.image_set import open_image_set
from stages.batch.loader import valid_batches
from stages.dataset.duplicates import find_duplicates, group_photos
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import build_classifier, mean_activations
from stages.model.model_params import ModelParams
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.infer import pooled_features


@dataclass(frozen=True, kw_only=True)
class PetFeatures:
    """Frozen features with the true classes, and which photos are copies of one another."""

    features: np.ndarray  # (N, F)
    truth: np.ndarray  # (N,) class numbers
    paths: np.ndarray
    groups: np.ndarray
    class_names: np.ndarray


def pet_features(photos: Path, work: Path) -> PetFeatures:
    """Return the features of every pet at 224 pixels; those in the work folder are kept."""
    return frozen_features(photos, work / "pets", work / "features.npz", 224)


def frozen_features(photos: Path | None, folder: Path, file: Path, size: int) -> PetFeatures:
    """Return the features of every photo (None: the digits sample), from the file if it is there.

    Classes are those of the files' names: also of digits whose label is planted wrong.
    """
    if not file.exists():
        if not folder.exists():
            prepare(folder, photos, recipe_values(FROM_PROBE))
        splits = read_splits(folder / "data/splits.csv")
        store = Store(folder / "data/presized")
        splits["label"] = splits["path"].str.replace(r"_\d+\.\w+$", "", regex=True)
        class_names = list_class_names(splits)
        compute = open_device("cpu", "fp32")
        image_set = open_image_set(store, splits, class_names, 2)
        params = ModelParams(
            arch="efficientnet_lite0", weights="package", head="linear", cut="none"
        )
        model = build_classifier(params, len(class_names), 0, size)
        render = compute.render_spec(model, size)
        batches = valid_batches(image_set, render, 64)
        features = mean_activations(np.concatenate([*pooled_features(model, batches, compute)]))
        paths = np.array(image_set.paths)
        duplicates = find_duplicates(store.hashes(), store.image, "exclude")
        np.savez(
            file,
            features=features,
            truth=image_set.targets,
            paths=paths,
            groups=group_photos(image_set.paths, duplicates).to_numpy(str),
            class_names=np.array(class_names),
        )
    with np.load(file) as archive:
        return PetFeatures(**{name: archive[name] for name in archive.files})
