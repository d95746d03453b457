"""Stored photos: what a model says of photos in the presized store, as in validation."""

import numpy as np
import pandas as pd

from stages.base.environment import device_name, workers
from stages.batch.image_set import open_image_set
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.model.classifier import Classifier
from stages.model.files import ModelCard
from stages.store.reader import Store
from stages.train.device import open_device
from stages.train.device_rules import PrecisionName
from stages.train.infer import predict_batches

# As fine_tune computed validation. Half precision of a GPU is computed in float32 on a processor.
_PRECISIONS: dict[str, PrecisionName] = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32"}


def predict_stored(
    model: Classifier, card: ModelCard, store: Store, images: pd.DataFrame, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return class numbers (N,) and probabilities (N, C) of images, by path and label."""
    device = open_device(device_name(), "fp32").device
    half_on_processor = card.precision == "float16" and device.type != "cuda"
    precision = "fp32" if half_on_processor else _PRECISIONS[card.precision]
    compute = open_device(device_name(), precision)
    model = model.to(compute.device)
    image_set = open_image_set(store, images, card.class_names, workers())
    render = RenderSpec(size=card.size, mean=model.mean, std=model.std, device=compute.device)
    batches = valid_batches(image_set, render, batch_size)
    return image_set.targets, predict_batches(model, batches, compute, card.loss).pred_probs
