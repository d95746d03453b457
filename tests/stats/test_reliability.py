"""Confidence against accuracy."""

import numpy as np
import pytest

from stages.stats.reliability import reliability


def test_a_model_that_is_as_right_as_it_is_sure_has_no_gap() -> None:
    """75 % sure and right three times out of four: confidence, accuracy and no gap."""
    found = reliability(np.full((1, 4), 0.75), np.array([[True, True, True, False]]))
    assert (found.confidence, found.accuracy, found.gap) == (0.75, 0.75, 0)
    assert found.steps.tolist() == [[0.75, 0.75, 4]]


def test_overconfidence_is_the_gap() -> None:
    """A model that is always certain and right half of the time has a gap of a half."""
    found = reliability(np.ones((2, 2)), np.array([[True, False], [False, True]]))
    assert found.gap == pytest.approx(0.5)


def test_opposite_errors_do_not_cancel() -> None:
    """Too sure here and not sure enough there: the means agree, the gap tells."""
    found = reliability(np.array([[0.35, 0.95]]), np.array([[True, False]]))
    assert found.gap == pytest.approx((0.65 + 0.95) / 2)


def test_steps_hold_every_image_once() -> None:
    """The images of the steps add up to those of one run."""
    rng = np.random.default_rng(0)
    found = reliability(rng.random((3, 200)), rng.random((3, 200)) > 0.5)
    assert found.steps[:, 2].sum() == pytest.approx(200)
    assert np.all(np.diff(found.steps[:, 0]) > 0)
