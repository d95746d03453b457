"""Known photos: those that a model was trained or validated on, if they can be told for sure.

They are those of this project, and only where dvc.lock says that the files which name them are
those that this very model was made of.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.params import YamlValue
from stages.compare.dvc_cache import md5_of
from stages.compare.dvc_lock import DvcLock, output_hashes, read_lock
from stages.dataset.inseparable import groups_by_path
from stages.dataset.manifest import read_images
from stages.dataset.split_files import read_splits
from stages.predict.model_files import content_of
from stages.stats.predictions import Predictions, read_predictions
from stages.stats.slices import image_properties
from stages.store.reader import FORMAT_FILE, Store

# Of validation photos that are measured, evenly over all: a test on so many finds what matters, and
# each has to be decoded, which takes about 3 ms.
_MOST_MEASURED = 2000
_ELSEWHERE = "the model is not that of this project as it is now"
_STORED = {"images": "format", "size": "size"}  # key of format.json -> param of presize
_REMEDY = "dvc repro brings them together"


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """Where the files of a run lie that tell what its model was made of."""

    lock: str
    card: str
    images: str  # images.csv
    splits: str
    predictions: str
    groups: str  # groups.csv
    store: str  # folder


@dataclass(frozen=True, kw_only=True)
class KnownPhotos:
    """The photos of the model's project, with the side of the split that each was on."""

    photos: pd.DataFrame  # path, sha256, phash, split: train, valid, test or excluded
    store: Store
    predictions: Predictions  # on the validation photos, with their groups
    originals: pd.DataFrame  # images.csv

    def validation_properties(self) -> pd.DataFrame:
        """Return size, brightness and sharpness of validation photos; see image_properties."""
        paths = self.predictions.paths
        chosen = np.unique(np.linspace(0, len(paths) - 1, _MOST_MEASURED).round().astype(int))
        return image_properties(paths[chosen[: len(paths)]], self.store.image, self.originals)


@dataclass(frozen=True)
class UnknownPhotos:
    """Why nobody can tell which photos the model has seen."""

    reason: str


def find_known_photos(files: RunFiles, card_sha256: str) -> KnownPhotos | UnknownPhotos:
    """Return the photos of the model whose card has this SHA-256."""
    card = content_of(Path(files.card))
    if card is None or sha256_bytes(card) != card_sha256:
        return UnknownPhotos(f"{_ELSEWHERE}; check out its commit to evaluate it there")
    lock = read_lock(content_of(Path(files.lock)), files.lock)
    if lock is None:
        return UnknownPhotos(f"{files.lock}, which says what it was made of, is missing")
    if stale := _stale(files, lock, card):
        return UnknownPhotos(f"{stale}; {_REMEDY}")
    try:
        return _read(files, lock)
    except UserError as error:
        return UnknownPhotos(str(error))


def stored_quality(lock: str) -> int | None:
    """Return the quality of the JPEGs in the presized store that a dvc.lock is about.

    None where they are raw, and where nobody can tell: then the known photos are not told either.
    """
    try:
        params = _presize_params(read_lock(content_of(Path(lock)), lock))
    except UserError:  # find_known_photos says so, of a model of this project
        return None
    quality = params.get("presize.quality")
    is_jpeg = params.get("presize.format") == "jpeg"
    return quality if is_jpeg and isinstance(quality, int) else None


def _presize_params(lock: DvcLock | None) -> Mapping[str, YamlValue]:
    """Return the params by which the store was made: params.yaml may be edited by now."""
    return lock["presize"].params if lock and "presize" in lock else {}


def _stale(files: RunFiles, lock: DvcLock, card: bytes) -> str:
    """Return which file is not one that the model was made of, or made, "" for none."""
    interpreted = lock["interpret"].data if "interpret" in lock else {}
    trained = lock["fine_tune"].data if "fine_tune" in lock else {}
    made = output_hashes(lock)
    if interpreted.get(files.card) != md5_of(card):
        return f"{files.card} is not the one that interpret read"
    if files.store not in made or trained.get(files.store) != made[files.store]:
        return f"{files.store} is not the one that the model was trained with"
    read_by_interpret = [files.predictions, files.images]
    if files.groups in interpreted:  # an earlier version knew none
        read_by_interpret.append(files.groups)
    for file, names in (
        (files.splits, (trained.get(files.splits), made.get(files.splits))),
        *((file, (interpreted.get(file), made.get(file))) for file in read_by_interpret),
    ):
        content = content_of(Path(file))
        if content is None:
            return f"{file} is missing"
        if {*names} != {md5_of(content)}:
            return f"{file} is not the one that the model was made with"
    return ""


def _read(files: RunFiles, lock: DvcLock) -> KnownPhotos | UnknownPhotos:
    """Read the photos; the store must have the contents that the manifest names, as presized."""
    store = Store(Path(files.store))
    described = json.loads((Path(files.store) / FORMAT_FILE).read_bytes())
    params = _presize_params(lock)
    if any(described[key] != params.get(f"presize.{name}") for key, name in _STORED.items()):
        return UnknownPhotos(
            f"{files.store} was made by other params than {files.lock} says; {_REMEDY}"
        )
    originals = read_images(Path(files.images))
    splits = read_splits(Path(files.splits))
    named = splits.merge(originals[["path", "sha256"]], on="path", how="left")
    photos = named.merge(store.hashes(), on=["path", "sha256"], how="left")
    if photos["phash"].isna().any():
        return UnknownPhotos(f"{files.store} has other photos than {files.splits}; {_REMEDY}")
    predictions = read_predictions(files.predictions)
    if "interpret" in lock and files.groups in lock["interpret"].data:
        predictions = predictions.with_groups(groups_by_path(Path(files.groups)))
    return KnownPhotos(
        photos=photos[["path", "sha256", "phash", "split"]],
        store=store,
        # In memory: they are compared after all photos are answered, when a run may have new ones.
        predictions=replace(predictions, pred_probs=np.asarray(predictions.pred_probs)),
        originals=originals,
    )
