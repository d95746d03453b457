"""Training data from the dataloaders."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.train.training_data import TrainingData
from tests.batch.test_dataloaders import loaders


def test_dataloaders_give_batches_counts_and_targets() -> None:
    """Batches of both sides, steps, training images and validation targets are the loaders' own."""
    dataloaders = loaders()
    data = TrainingData.from_loaders(dataloaders)
    assert data.steps == 2
    assert data.train_images == 11
    assert data.valid_targets.tolist() == [0, 1, 2, 3, 4]
    [later] = data.train_batches(3, 1)
    _, second = dataloaders.train_batches(3, 0)
    assert torch.equal(later.images, second.images)
    assert [batch.rows.tolist() for batch in data.valid_batches()] == [[0, 1, 2, 3], [4]]


def test_the_ratios_are_those_of_the_images_that_train() -> None:
    """Without balance there are none; of a subset, as in a trial, they are those of the subset."""
    plain = loaders()
    assert TrainingData.from_loaders(plain).log_ratios is None
    plan = replace(plain.plan, balance="full")
    unequal = replace(plain.train, targets=np.array([0] * 8 + [1] * 2 + [2]))
    balanced = replace(plain, train=unequal, classes=3, plan=plan)
    ratios = TrainingData.from_loaders(balanced).log_ratios
    assert ratios == pytest.approx(np.log([11 / 24, 11 / 6, 11 / 3]))
    ratios = TrainingData.from_loaders(balanced.hold_out(np.arange(11) < 4)).log_ratios
    assert ratios == pytest.approx(np.log([7 / 12, 7 / 6, 7 / 3]))
