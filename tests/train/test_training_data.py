"""Training data from the dataloaders."""

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
