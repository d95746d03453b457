"""Brightness and sharpness of an image."""

import numpy as np
import pytest
from scipy.ndimage import laplace

from stages.stats.image_measures import brightness_and_sharpness


def test_measures_are_those_of_a_plain_reference() -> None:
    """Brightness is the mean luma, sharpness the deviation of scipy's Laplacian inside."""
    grey = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    brightness, sharpness = brightness_and_sharpness(np.repeat(grey[..., None], 3, axis=2))
    assert brightness == pytest.approx(grey.mean() / 255, abs=2e-3)
    inside = laplace(grey.astype(float))[1:-1, 1:-1]
    assert sharpness == pytest.approx(inside.std(), rel=0.01)


def test_an_image_without_an_inside_has_no_sharpness() -> None:
    """Of two rows of pixels no Laplacian can be taken."""
    assert brightness_and_sharpness(np.full((2, 9, 3), 255, np.uint8)) == (1.0, 0.0)
