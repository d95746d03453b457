"""What a frozen backbone sees of images, for a linear probe."""

import numpy as np
import pytest

from stages.model.model_params import ModelParams
from stages.train.backbone_features import backbone_features
from tests.batch.examples import example_image_set
from tests.train.tiny_training import CPU

LITE = ModelParams(arch="efficientnet_lite0", weights="package", head="linear", cut="none")


def features(params: ModelParams, size: int, seed: int = 1) -> np.ndarray:
    """Return what the backbone sees of the example's images."""
    return np.concatenate([*backbone_features(params, size, example_image_set(), 2, seed, CPU)])


def test_they_are_largest_and_mean_activations() -> None:
    """Each image has a row: of the last block's channels first the largest, then the means."""
    whole = features(LITE, 64)
    shortened = features(LITE.model_copy(update={"cut": 16}), 64)
    assert whole.shape == (len(example_image_set()), 2 * 1280)
    assert shortened.shape == (len(example_image_set()), 2 * 112)
    for pooled in (whole, shortened):
        channels = pooled.shape[1] // 2
        assert (pooled[:, :channels] >= pooled[:, channels:]).all()


def test_they_depend_on_the_size_and_not_on_the_seed() -> None:
    """Packaged weights are never drawn, and an image at another size looks otherwise."""
    assert np.array_equal(features(LITE, 64), features(LITE, 64, seed=2))
    assert features(LITE, 96) != pytest.approx(features(LITE, 64), abs=1e-3)
