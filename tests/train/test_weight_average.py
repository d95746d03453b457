"""Averaging the weights of a trained model with those of its start."""

import pytest
import torch

from stages.train.weight_average import average_weights, copy_weights
from tests.train.tiny_training import layer, tiny_model


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_weights_lie_between_both_ends(share: float) -> None:
    """Every parameter and statistic is so far from the start to the trained one; 1 leaves it."""
    start = copy_weights(tiny_model(seed=1))
    model = tiny_model(seed=2)
    trained = copy_weights(model)
    average_weights(model, start, share)
    for name, tensor in model.state_dict().items():
        expected = start[name] + share * (trained[name] - start[name])
        assert torch.allclose(tensor, expected.to(tensor.dtype), atol=1e-6), name


def test_the_copy_stays_as_it_was() -> None:
    """Training the model further changes nothing in a copy of its weights."""
    model = tiny_model()
    copied = copy_weights(model)
    before = {name: tensor.clone() for name, tensor in copied.items()}
    with torch.no_grad():
        layer(model.body, 0).weight.add_(1.0)
    assert all(torch.equal(copied[name], tensor) for name, tensor in before.items())


def test_counters_stay_whole() -> None:
    """The number of batches that a norm layer has seen is no average."""
    model = tiny_model()
    start = copy_weights(model)
    counter = layer(model.body, 1).num_batches_tracked
    counter.fill_(7)
    average_weights(model, start, 0.5)
    assert counter.item() == 7
