"""Params of the model: what can be said of a network before it is built."""

import pytest

from stages.model.model_params import HeadName, LossName, ModelParams, can_be_probe


@pytest.mark.parametrize(
    ("head", "loss", "expected"),
    [
        ("linear", "cross_entropy", True),
        ("fastai", "cross_entropy", False),
        ("linear", "bce", False),
    ],
)
def test_only_a_softmax_over_one_layer_can_be_the_probe(
    head: HeadName, loss: LossName, expected: bool
) -> None:
    """A head of two layers, or one of yes or no for each class, starts otherwise."""
    params = ModelParams(arch="test_resnet", weights="none", head=head, cut="none")
    assert can_be_probe(params, loss) == expected
