"""Backbone features: what a frozen backbone sees of images, for a linear probe."""

from collections.abc import Iterator

import numpy as np

from stages.base.seed import derive_int
from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.model.classifier import build_classifier
from stages.model.model_params import ModelParams
from stages.train.device import Compute
from stages.train.infer import pooled_features

_IMAGES_AT_ONCE = 64


def backbone_features(
    params: ModelParams, size: int, images: ImageSet, classes: int, seed: int, compute: Compute
) -> Iterator[np.ndarray]:
    """Yield the features after concat pooling, (B, 2F), of images as validation sees them.

    size: side in pixels. The head of the model, for so many classes, is not asked.
    """
    model = build_classifier(params, classes, derive_int(seed, "model"), size).to(compute.device)
    render = compute.render_spec(model, size)
    return pooled_features(model, valid_batches(images, render, _IMAGES_AT_ONCE), compute)
