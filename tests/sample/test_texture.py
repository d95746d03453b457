"""Noise and steps are smooth, bounded and repeatable."""

import numpy as np
import pytest

from stages.base.seed import derive
from stages.sample.texture import cloud, soft_step


@pytest.mark.parametrize("grain", [1, 3, 40, 5000])
def test_cloud_fills_its_shape_within_bounds(grain: int) -> None:
    """Noise has the shape asked for and stays in 0..1, at any grain."""
    noise = cloud((60, 90), grain, derive(1, "cloud"))
    assert noise.shape == (60, 90)
    assert noise.dtype == np.float32
    assert 0 <= noise.min() < noise.max() <= 1


def test_cloud_is_smoother_with_a_coarser_grain() -> None:
    """Neighbouring pixels differ less as the spots grow."""

    def roughness(grain: int) -> float:
        return float(np.abs(np.diff(cloud((200, 200), grain, derive(1, grain)))).mean())

    assert roughness(2) > 2 * roughness(10) > 4 * roughness(50)


def test_cloud_repeats_with_its_generator() -> None:
    """The same generator gives the same noise, another one other noise."""
    first, again, other = (cloud((20, 20), 4, derive(1, name)) for name in "aab")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_soft_step_rises_from_0_to_1_and_is_flat_at_both_ends() -> None:
    """The step is 0 up to 0, 1 from 1 on, never falls, and starts and ends level."""
    x = np.linspace(-0.5, 1.5, 2001, dtype=np.float32)
    y = soft_step(x)
    assert (y[x <= 0] == 0).all()
    assert (y[x >= 1] == 1).all()
    assert (np.diff(y) >= 0).all()
    slope = np.gradient(y.astype(float), x.astype(float))
    assert slope[np.abs(x) < 0.002].max() < 0.02
    assert slope.max() == pytest.approx(1.5, abs=0.01)
