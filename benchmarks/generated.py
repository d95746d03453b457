"""What a benchmark of a GPU trains on: generated photos, random networks, each precision.

The store is written here and not by presize, whose decoders and encoder a bare machine lacks. On a
processor the batches are made by the path of a GPU, with torch in place of its kernel: so that a
rehearsal takes the steps of the day that there is one.
"""

from stages.base.environment import prepare_process

prepare_process()

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from benchmarks.photos import PETS, picture
from stages.base.csv_file import write_csv
from stages.base.environment import device_name, workers
from stages.base.files import write_json
from stages.batch.batches import Batch, BatchPlan
from stages.batch.dataloaders import DataLoaders
from stages.batch.image_set import ImageSet, open_image_sets
from stages.batch.loader import batches_on_device
from stages.batch.memory_budget import MemoryBudget, memory_budget
from stages.batch.random_draws import view_numbers
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams, Views, centre_views, drawn_views
from stages.dataset.split_files import list_class_names
from stages.model.classifier import Classifier, build_classifier
from stages.model.model_params import ModelParams
from stages.store.checksum import checksum
from stages.store.reader import (
    FORMAT_FILE,
    INDEX_COLUMNS,
    INDEX_FILE,
    Store,
    format_of_store,
    shard_name,
)
from stages.train.checkpoint import Checkpoints
from stages.train.device import Compute, open_device
from stages.train.plan import FineTuneParams
from stages.train.training_data import TrainingData, TrainingTask

if TYPE_CHECKING:
    from stages.train.device_rules import PrecisionName

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
CLASSES = ("cat", "dog")
_PICTURES = 16  # that differ; a photo is one of them
_VALIDATE = 4  # every fourth photo validates


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured."""

    photos: int  # for speed: three quarters train
    few: int  # where a network is trained to its end
    small: str  # the network that is
    size: int  # side in pixels
    batch_size: int
    steps: int  # of a figure, at least
    rounds: int
    epochs: int


FULL = Scale(
    photos=17_408, few=1024, small="resnet18", size=224, batch_size=64, steps=200, rounds=2,
    epochs=3,
)  # fmt: skip
TINY = Scale(
    photos=64, few=48, small="test_resnet", size=32, batch_size=8, steps=2, rounds=1, epochs=2
)


@dataclass(frozen=True, kw_only=True)
class Work:
    """How much is measured, on which photos, and a folder of this process."""

    tiny: bool
    photos: Path  # of the stores, by the number of their photos
    scratch: Path

    @property
    def scale(self) -> Scale:
        """How much is measured."""
        return TINY if self.tiny else FULL

    def write_photos(self) -> None:
        """Write both stores."""
        for count in {self.scale.photos, self.scale.few}:
            write_generated(self.photos / str(count), count)

    def loaders(
        self, size: int | None = None, few: bool = False, anew: bool = False
    ) -> DataLoaders:
        """Return dataloaders; anew: every photo is decoded whenever a batch needs it."""
        count = self.scale.few if few else self.scale.photos
        return open_generated(self.photos / str(count), self.scale, size or self.scale.size, anew)


class RehearsedLoaders(DataLoaders):
    """Dataloaders that make batches by the path of a GPU, whatever the device."""

    def train_batches(self, epoch: int, first_step: int) -> Iterator[Batch]:
        """Yield the batches of an epoch (from 1), from a step (from 0) on."""
        images = self.train
        plan = self.plan

        def views_of(rows: np.ndarray, sizes: np.ndarray) -> Views:
            numbers = view_numbers(plan.seed, epoch, [images.paths[row] for row in rows])
            return drawn_views(sizes, self.augment, numbers)

        rows = plan.epoch_rows(len(images), epoch, first_step)
        return batches_on_device(images, self.render, rows, views_of)

    def valid_batches(self) -> Iterator[Batch]:
        """Yield the batches of validation, or a process's share."""
        rows = self.plan.rank.share(np.arange(len(self.valid)))
        size = self.plan.batch_size
        cut = [rows[start : start + size] for start in range(0, len(rows), size)]
        return batches_on_device(self.valid, self.render, cut, lambda _, sizes: centre_views(sizes))


def write_generated(folder: Path, count: int) -> None:
    """Write a store of so many photos of 500 x 375, named cat_00000.jpg and dog_00001.jpg by turns.

    Their places lead to the same few pictures, so that any number of them takes a megabyte.
    """
    folder.mkdir(parents=True)
    places = []
    with tarfile.open(folder / shard_name(0), "w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(_PICTURES):
            content = picture(number, PETS, 90)
            sha256 = hashlib.sha256(content).hexdigest()
            member = tarfile.TarInfo(f"{sha256}.jpg")
            member.size = len(content)
            offset = tar.offset + tarfile.BLOCKSIZE
            tar.addfile(member, io.BytesIO(content))
            places.append(
                {"sha256": sha256, "shard": shard_name(0), "offset": offset,
                 "length": len(content), "width": PETS[0], "height": PETS[1], "phash": "0" * 16,
                 "crc32": checksum(content)}
            )  # fmt: skip
    rows = [
        {"path": f"{CLASSES[number % 2]}_{number:05}.jpg", **places[number % _PICTURES]}
        for number in range(count)
    ]
    index = folder / INDEX_FILE
    write_csv(index, pd.DataFrame(rows, columns=INDEX_COLUMNS).sort_values("path"))
    write_json(folder / FORMAT_FILE, format_of_store("jpeg", PETS[1], index.read_bytes()))


def open_generated(folder: Path, scale: Scale, size: int, anew: bool = False) -> DataLoaders:
    """Return dataloaders of the generated photos in a folder; anew: they are not in memory."""
    store = Store(folder)
    paths = store.index["path"]
    side = np.where(np.arange(len(paths)) // 2 % _VALIDATE == 0, "valid", "train")
    splits = pd.DataFrame({"path": paths, "label": paths.str.split("_").str[0], "split": side})
    compute = open_device(device_name(), "auto")
    device = compute.device
    parts = [splits[side == name] for name in ("train", "valid")]
    budget = MemoryBudget(host=0, device=0) if anew else memory_budget(device)
    train, valid = open_image_sets(
        store, parts, list_class_names(splits), workers(), device, budget
    )
    rehearsed = device.type == "cpu"
    if rehearsed and not anew:
        train, valid = (_resident(images, device) for images in (train, valid))
    render = RenderSpec(size=size, mean=MEAN, std=STD, device=device, kernel=compute.kernel)
    augment = AugmentParams(
        size=size, min_scale=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2,
        max_lighting=0.2, max_darkening=0.0, p_affine=0.75, p_lighting=0.75, flip=True,
    )  # fmt: skip
    make = RehearsedLoaders if rehearsed else DataLoaders
    plan = BatchPlan(batch_size=scale.batch_size, seed=1)
    return make(
        train=train, valid=valid, classes=len(CLASSES), render=render, augment=augment, plan=plan
    )


def _resident(images: ImageSet, device: torch.device) -> ImageSet:
    return replace(images, flat=images.flat and images.flat.on_device(device))


def model_of(arch: str, size: int, device: torch.device) -> Classifier:
    """Return a network with random weights on the device."""
    params = ModelParams(arch=arch, weights="none", head="linear", cut="none")
    return build_classifier(params, len(CLASSES), 1, size).to(device)


def precisions(device: torch.device) -> dict[str, Compute]:
    """Return how to compute in each precision that the device has."""
    half: list[PrecisionName] = ["fp16", "bf16"] if device.type == "cuda" else ["bf16"]
    names: list[PrecisionName] = [*half, "fp32"]
    return {name: open_device(str(device), name) for name in names}


def rendered_as(loaders: DataLoaders, compute: Compute) -> DataLoaders:
    """Return dataloaders whose batches have the type that fine_tune gives them in a precision."""
    dtype = compute.dtype if compute.device.type == "cuda" else torch.float32
    return replace(loaders, render=replace(loaders.render, dtype=dtype))


def task_of(
    loaders: DataLoaders,
    arch: str,
    compute: Compute,
    checkpoint: Path,
    epochs: tuple[float, float],
) -> TrainingTask:
    """Return a run of a network from random weights; epochs: with the backbone frozen, and not."""
    frozen, unfrozen = epochs
    size = loaders.render.size
    params = FineTuneParams(
        images_seen="auto", epochs=unfrozen, freeze_epochs=frozen, base_lr=2e-3, lr_rule="steep",
        lr_mult=1.0, batch_size=loaders.plan.batch_size, precision="auto", train_bn=True,
        loss="cross_entropy", accumulate=1, label_smoothing=0.0, balance="none", start="zero",
        trained_share=1.0, trial=False, frozen_share=0.0,
    )  # fmt: skip
    data = TrainingData.from_loaders(rendered_as(loaders, compute))
    model = model_of(arch, size, compute.device)
    return TrainingTask(model, params, compute, data, Checkpoints(checkpoint, {}), 1)
