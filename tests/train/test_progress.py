"""Progress of training: the area under the margin, and the place."""

import numpy as np
import pytest

from stages.train.progress import HistoryRow, Margins, Progress


def test_margins_are_means_over_epochs() -> None:
    """An image's margin is the mean over the epochs with a step of it, and NaN without any."""
    margins = Margins.empty(3)
    margins.add(np.array([0, 1]), np.array([0.5, -0.5]))
    margins.add(np.array([1]), np.array([0.1]))
    assert margins.mean() == pytest.approx([0.5, -0.2, np.nan], nan_ok=True)
    assert margins.mean().dtype == np.float32


def test_an_image_twice_in_a_batch_counts_twice() -> None:
    """Where classes are balanced an image may come again in the same step."""
    margins = Margins.empty(2)
    margins.add(np.array([0, 0, 1]), np.array([0.5, 0.1, -0.5]))
    assert margins.mean() == pytest.approx([0.3, -0.5])


def test_the_place_follows_steps_and_epochs() -> None:
    """Each loss is a step further; an epoch that is noted starts the next at its first step."""
    progress = Progress(Margins.empty(1))
    assert progress.where() == "epoch 1, step 0"
    progress.losses += [0.7, 0.6]
    assert progress.where() == "epoch 1, step 2"
    progress.end_epoch(HistoryRow(1, "frozen", 0.1, 0.65, 0.5, 0.25))
    assert progress.where() == "epoch 2, step 0"


def test_an_epoch_is_a_readable_line() -> None:
    """The line has number, phase, both losses and the error, and leaves out what there is not.

    What is no epoch of training has no number.
    """
    line = HistoryRow(4, "unfrozen", 0.1, 0.65, 0.5, 0.25).line()
    assert line == "epoch   4 unfrozen  train loss 0.650  valid loss 0.500  error 25.0%"
    nan = float("nan")
    line = HistoryRow(4, "unfrozen", 0.1, 0.65, nan, nan).line()
    assert line == "epoch   4 unfrozen  train loss 0.650"
    line = HistoryRow(5, "averaged", 0.0, nan, 0.5, 0.25).line()
    assert line == "averaged with the probe  valid loss 0.500  error 25.0%"
    assert HistoryRow(1, "probe", 0.0, nan, nan, nan).line() == "the probe as it is"
