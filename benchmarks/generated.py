"""What a benchmark trains on: generated photos, random networks, the precisions of a device."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.photos import PETS, fill, picture
from stages.base.environment import device_name, workers
from stages.base.ranks import SINGLE_PROCESS
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.batch.loader import RenderSpec
from stages.batch.views import AugmentParams
from stages.images.resize import PresizeParams
from stages.model.classifier import Classifier, ModelParams, build_classifier
from stages.store.reader import Store
from stages.store.writer import write_store
from stages.train.device import Compute, open_device

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Scale(NamedTuple):
    """How much is measured."""

    arch: str  # whose speed counts
    small: str  # which is trained to its end
    photos: int
    size: int  # side in pixels
    batch: int
    steps: int  # in a round
    rounds: int
    epochs: int


def feed_of(folder: Path, scale: Scale) -> DataLoaders:
    """Return generated photos of 500 x 375, presized by the real code, as batches."""
    photos = folder / "photos"
    fill(photos, [picture(number, PETS, 90) for number in range(16)], scale.photos)
    names = sorted(path.name for path in photos.iterdir())
    sums = [hashlib.sha256((photos / name).read_bytes()).hexdigest() for name in names]
    images = pd.DataFrame({"path": names, "sha256": sums}, dtype="str")
    params = PresizeParams(size=460, format="jpeg", quality=92, shards=16, max_rejected=0.0)
    write_store(images, photos, folder / "store", folder / "private", params, workers())
    labels = images["path"].str.split("_").str[0]
    side = np.where(np.arange(len(images)) % 4 == 0, "valid", "train")
    splits = pd.DataFrame({"path": images["path"], "label": labels, "split": side})
    augment = AugmentParams(
        size=scale.size, min_scale=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2,
        max_lighting=0.2, p_affine=0.75, p_lighting=0.75, flip=True,
    )  # fmt: skip
    look = RenderSpec(scale.size, MEAN, STD, open_device(device_name(), "auto").device)
    store = Store(folder / "store")
    return open_dataloaders(
        store, splits, ["cat", "dog"], look, augment, scale.batch, 1, SINGLE_PROCESS, workers()
    )


def model_of(arch: str, size: int, device: torch.device) -> Classifier:
    """Return a network with random weights on the device."""
    model = build_classifier(
        ModelParams(arch=arch, weights="none", head="linear", cut="none"), 37, 1, size
    )
    return model.to(device)


def precisions(device: torch.device) -> dict[str, Compute]:
    """Return how to compute in each precision that the device has."""
    names = ["fp16", "bf16", "fp32"] if device.type == "cuda" else ["bf16", "fp32"]
    return {name: open_device(str(device), name) for name in names}
