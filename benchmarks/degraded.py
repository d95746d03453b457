"""Validation photos made worse: whether a model loses more by it than the linear probe does.

The photos of the store are blurred, darkened, compressed or cropped, and then seen as usual.
"""

import io
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from stages.base.params import read_section, read_value
from stages.batch.image_set import ImageSet, open_image_set
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.dataset.split_files import list_class_names, read_splits
from stages.model.classifier import Classifier, build_classifier
from stages.model.files import load_model
from stages.model.model_params import ModelParams
from stages.model.probe_head import start_from_probe
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.infer import predict_batches
from stages.train.probe_start import read_probe_start
from stages.train.recipe import first_recipe

_CPU = torch.device("cpu")


def _compressed(photo: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=20)
    return Image.open(buffer)


def _cropped(photo: Image.Image) -> Image.Image:
    """Return the lower right part, seven tenths of each side."""
    width, height = photo.size
    return photo.crop((width * 3 // 10, height * 3 // 10, width, height))


DEGRADED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blur": lambda photo: photo.filter(ImageFilter.GaussianBlur(max(1.0, min(photo.size) / 160))),
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(0.4),
    "JPEG 20": _compressed,
    "crop": _cropped,
}


def degraded_right(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return by damage which validation images the model and the probe have right: (V,) bool each.

    folder: of a run of the chain, after fine_tune.
    """
    with chdir(folder):
        splits = read_splits(Path("data/splits.csv"))
        class_names = list_class_names(splits)
        valid = splits[splits["split"] == "valid"]
        images = open_image_set(Store(Path("data/presized")), valid, class_names, 2)
        model, card = load_model(Path("data/model"))
        recipe = first_recipe(read_value("model.arch", str))
        size = read_value("augment.size", int, recipe)
        params = read_section("model", ModelParams, recipe)
        probe = build_classifier(params, len(class_names), 0, size)
        start_from_probe(probe, read_probe_start("data/probe.npz").probe)
        return {
            name: (
                _right(model, card.size, _degrade(images, damage)),
                _right(probe, size, _degrade(images, damage)),
            )
            for name, damage in DEGRADED.items()
        }


def _degrade(images: ImageSet, damage: Callable[[Image.Image], Image.Image]) -> ImageSet:
    """Return the images, each made worse."""

    def load_image(row: int) -> torch.Tensor:
        photo = Image.fromarray(images.load_image(row).numpy())
        return torch.tensor(np.asarray(damage(photo).convert("RGB")))

    return ImageSet(images.paths, images.targets, load_image)


def _right(model: Classifier, size: int, images: ImageSet) -> np.ndarray:
    """Return which images a model has right, (V,) bool; size: of the views, in pixels."""
    compute = open_device("cpu", "auto", model)
    render = RenderSpec(size=size, mean=model.mean, std=model.std, device=_CPU)
    batches = valid_batches(images, render, 32)
    pred_probs = predict_batches(model, batches, compute, "cross_entropy").pred_probs
    right: np.ndarray = pred_probs.argmax(1) == images.targets
    return right
