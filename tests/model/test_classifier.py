"""A classifier: any architecture learns with the new head, and the heads are what they should."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from stages.model.classifier import Classifier, ConcatPool, build_classifier, make_head
from stages.model.model_params import HeadName, ModelParams


def classifier(
    arch: str = "test_resnet", head: HeadName = "fastai", classes: int = 4, seed: int = 0
) -> Classifier:
    """Return a classifier of images of 64 pixels, by default a tiny one of random weights."""
    params = ModelParams(arch=arch, weights="none", head=head, cut="none")
    return build_classifier(params, classes, seed, 64).eval()


@pytest.mark.parametrize(
    ("arch", "size"),
    [
        ("test_resnet", 64),
        ("test_efficientnet", 64),
        ("test_mambaout", 64),  # channels last
        ("test_vit", 64),  # tokens, made for 160 px
        ("inception_next_atto", 64),  # pools by itself
        ("squeezenet1_1", 64),
        ("resnet18", 64),
        ("swin_t", 64),
        ("googlenet", 64),
        ("inception_v3", 96),
    ],
)
def test_timm_and_torchvision_by_name(arch: str, size: int) -> None:
    """A classifier of either library, of whatever kind, learns one activation per class."""
    params = ModelParams(arch=arch, weights="none", head="linear", cut="none")
    model = build_classifier(params, 4, 0, size).train()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    activations = model(images)
    assert activations.shape == (2, 4)
    activations.sum().backward()
    assert all(parameter.grad is not None for parameter in model.head.parameters())
    assert any(parameter.grad is not None for parameter in model.body.parameters())


def test_a_backbone_that_does_not_learn_has_no_gradients() -> None:
    """While the backbone does not learn, its features carry no graph, and the head still learns."""
    model = classifier()
    images = torch.randn(2, 3, 64, 64)
    assert model.features(images).requires_grad
    model.backbone_learns = False
    assert not model.features(images).requires_grad
    assert model(images).requires_grad


def test_same_seed_same_head() -> None:
    """What has no weights is drawn from the seed."""
    first = head_weight(classifier(seed=1))
    again = head_weight(classifier(seed=1))
    other = head_weight(classifier(seed=2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def head_weight(model: Classifier) -> torch.Tensor:
    """Return the weight of the first linear layer of a head."""
    weight: torch.Tensor = model.head.state_dict()["3.weight"]
    return weight


def test_a_linear_head_starts_undecided() -> None:
    """Before any step a linear head gives every class the same, so the loss is ln(classes)."""
    model = classifier(head="linear", classes=7)
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    loss = torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 3, 6]))
    assert loss.item() == pytest.approx(np.log(7))


def test_fastais_head_is_fastais() -> None:
    """Layer by layer: two linear layers without bias, batch norm and dropout before each."""
    layers: list[Any] = list(make_head("fastai", 10, 3))
    kinds = [type(layer).__name__ for layer in layers]
    assert kinds == [
        "ConcatPool", "BatchNorm1d", "Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"
    ]  # fmt: skip
    assert [tuple(parameter.shape) for parameter in layers[3].parameters()] == [(512, 20)]
    assert [tuple(parameter.shape) for parameter in layers[7].parameters()] == [(3, 512)]
    assert layers[2].p == 0.25
    assert layers[6].p == 0.5


def test_concat_pool_equals_the_adaptive_poolings() -> None:
    """The two poolings with deterministic gradients equal torch's adaptive ones."""
    features = torch.randn(2, 5, 7, 6, generator=torch.Generator().manual_seed(0))
    largest = torch.nn.functional.adaptive_max_pool2d(features, 1).flatten(1)
    mean = torch.nn.functional.adaptive_avg_pool2d(features, 1).flatten(1)
    assert torch.allclose(ConcatPool()(features), torch.cat([largest, mean], dim=1), atol=1e-6)


@pytest.mark.parametrize("weights", ["../w.pth", "/home/me/w.pth", "data/weights/w.pth"])
def test_weights_outside_their_folder_are_no_param(weights: str) -> None:
    """model.weights names a file in data/weights, which dvc.yaml follows; a path is refused."""
    with pytest.raises(ValidationError, match=r"data/weights.* write w\.pth"):
        ModelParams(arch="test_resnet", weights=weights, head="linear", cut="none")
