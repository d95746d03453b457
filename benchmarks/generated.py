"""What a benchmark trains on: generated photos, random networks, the precisions of a device."""

from stages.base.environment import prepare_process

prepare_process()

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.photos import PETS, fill, picture
from stages.base.environment import device_name, workers
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.images.resize import PresizeParams
from stages.model.classifier import Classifier, ModelParams, build_classifier
from stages.store.reader import Store
from stages.store.writer import write_store
from stages.train.device import Compute, PrecisionName, open_device

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured."""

    arch: str  # whose speed counts
    small: str  # which is trained to its end
    photos: int
    size: int  # side in pixels
    batch_size: int
    steps: int  # in a round
    rounds: int
    epochs: int


def open_generated(folder: Path, scale: Scale) -> DataLoaders:
    """Return dataloaders of generated photos of 500 x 375, presized by the real code."""
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
        max_lighting=0.2, max_darkening=0.0, p_affine=0.75, p_lighting=0.75, flip=True,
    )  # fmt: skip
    compute = open_device(device_name(), "auto")
    render = RenderSpec(
        size=scale.size, mean=MEAN, std=STD, device=compute.device, kernel=compute.kernel
    )
    plan = BatchPlan(batch_size=scale.batch_size, seed=1)
    return open_dataloaders(Store(folder / "store"), splits, workers(), render, augment, plan)


def model_of(arch: str, size: int, device: torch.device) -> Classifier:
    """Return a network with random weights on the device."""
    model = build_classifier(
        ModelParams(arch=arch, weights="none", head="linear", cut="none"), 37, 1, size
    )
    return model.to(device)


def precisions(device: torch.device) -> dict[str, Compute]:
    """Return how to compute in each precision that the device has."""
    half: list[PrecisionName] = ["fp16", "bf16"] if device.type == "cuda" else ["bf16"]
    names: list[PrecisionName] = [*half, "fp32"]
    return {name: open_device(str(device), name) for name in names}
