"""The render spec."""

import numpy as np
import torch

from stages.batch.render_gpu import normalize
from tests.batch.examples import IMAGENET_MEAN, IMAGENET_STD, identity_spec, imagenet_spec


def test_scale_and_shift_normalise() -> None:
    """A factor and a summand do what subtracting the mean and dividing by the deviation do."""
    pixels = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    scale, shift = torch.from_numpy(imagenet_spec().scale_and_shift())[:, :, None, None]
    expected = normalize(pixels, IMAGENET_MEAN, IMAGENET_STD)
    assert torch.allclose(pixels * scale + shift, expected, atol=1e-6)


def test_no_normalisation_is_one_and_zero() -> None:
    """With mean 0 and deviation 1 the factor is one and the summand zero, in float32."""
    normalisation = identity_spec().scale_and_shift()
    assert normalisation.dtype == np.float32
    assert normalisation.tolist() == [[1, 1, 1], [0, 0, 0]]
