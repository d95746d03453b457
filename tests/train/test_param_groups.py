"""Parameter groups: what learns, how fast, and with which decay."""

import pytest
import timm
import torch
from timm.layers.norm import RmsNorm
from torch import nn

from stages.model.classifier import Classifier, build_classifier, make_head
from stages.model.model_params import Cut, ModelParams
from stages.train.param_groups import (
    NORMS,
    freeze,
    layer_groups,
    make_optimizer,
    set_learning_rates,
    train_mode,
    unfreeze,
)
from tests.train.tiny_training import layer, tiny_model

FIRST_LAYER = {"0.weight", "0.bias"}
ALL_LAYERS = FIRST_LAYER | {"3.weight", "3.bias"}


def resnet() -> Classifier:
    """Return a classifier on a ResNet's backbone, small channels, random weights."""
    backbone = timm.create_model("test_resnet", num_classes=0, global_pool="")
    return Classifier(backbone, make_head("fastai", 96, 3), (0, 0, 0), (1, 1, 1))


def test_every_learning_parameter_is_in_one_group() -> None:
    """After unfreezing, each parameter of the model stands in exactly one parameter group."""
    for model in (tiny_model(), resnet()):
        unfreeze(model, train_bn=True, frozen_share=0)
        groups = make_optimizer(model).param_groups
        optimized = [id(p) for group in groups for p in group["params"]]
        assert sorted(optimized) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("cut", ["none", 16])
def test_every_parameter_of_a_real_backbone_is_in_one_group(cut: Cut) -> None:
    """The optimizer takes each parameter exactly once, also in a wrapped or a cut backbone."""
    arch = "test_vit" if cut == "none" else "test_resnet"
    params = ModelParams(arch=arch, weights="none", head="linear", cut=cut)
    model = build_classifier(params, 4, 0, 64)
    optimized = [id(p) for group in make_optimizer(model).param_groups for p in group["params"]]
    assert sorted(optimized) == sorted(id(p) for p in model.parameters())


def test_resnets_have_three_layer_groups() -> None:
    """A ResNet is cut after layer2, and the head is last; other backbones are one group."""
    early, later, head = layer_groups(resnet())
    assert len(later) == 2
    assert len(head) == 1
    assert len(early) >= 3
    assert len(layer_groups(tiny_model())) == 2


def test_norms_and_biases_do_not_decay() -> None:
    """Weight decay acts on weights of convolutions and linear layers alone."""
    model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=0)
    for group in make_optimizer(model).param_groups:
        dims = {p.ndim for p in group["params"]}
        assert dims <= ({1} if group["weight_decay"] == 0 else {2, 4})
        assert group["weight_decay"] in (0, 0.01)


def test_frozen_with_norms_training() -> None:
    """As in fastai's freeze, head and norm layers learn, the backbone's other weights do not."""
    model = tiny_model()
    freeze(model, train_bn=True)
    learning = {name for name, p in model.body.named_parameters() if p.requires_grad}
    assert learning == {"1.weight", "1.bias"}
    assert all(p.requires_grad for p in model.head.parameters())
    assert model.backbone_learns


@pytest.mark.parametrize("norm", [nn.RMSNorm, RmsNorm, nn.LayerNorm])
def test_norms_of_every_kind_follow_train_bn(norm: type[nn.Module]) -> None:
    """Norm layers without batch statistics stand still without train_bn as well."""
    backbone = nn.Sequential(nn.Conv2d(3, 8, 1), norm(8))
    model = Classifier(backbone, make_head("linear", 8, 2), (0, 0, 0), (1, 1, 1))
    unfreeze(model, train_bn=False, frozen_share=0)
    assert not layer(model.body, 1).weight.requires_grad
    assert layer(model.body, 0).weight.requires_grad


def test_frozen_wholly_has_no_gradient() -> None:
    """Frozen with its norm layers, the backbone builds no graph and its statistics stand still."""
    model = tiny_model()
    freeze(model, train_bn=False)
    train_mode(model, train_bn=False)
    norm = layer(model.body, 1)
    before = norm.running_mean.clone()
    features = model.features(torch.randn(4, 3, 8, 8))
    assert not features.requires_grad
    assert torch.equal(norm.running_mean, before)
    assert model(torch.randn(4, 3, 8, 8)).requires_grad


@pytest.mark.parametrize("train_bn", [True, False])
def test_train_bn_decides_for_norms_of_the_unfrozen_backbone(train_bn: bool) -> None:
    """Unfrozen, the backbone's norm layers learn with train_bn, and stand still without."""
    model = tiny_model()
    unfreeze(model, train_bn, frozen_share=0)
    train_mode(model, train_bn)
    norm = layer(model.body, 1)
    before = norm.running_mean.clone()
    assert model.features(torch.randn(4, 3, 8, 8)).requires_grad
    assert torch.equal(norm.running_mean, before) != train_bn
    frozen = {name for name, p in model.body.named_parameters() if not p.requires_grad}
    assert frozen == (set() if train_bn else {"1.weight", "1.bias"})


@pytest.mark.parametrize(
    ("share", "frozen"),
    [(0, set()), (0.2, set()), (0.5, FIRST_LAYER), (0.9, ALL_LAYERS), (1, ALL_LAYERS)],
)
def test_a_share_of_the_first_layers_stands_still(share: float, frozen: set[str]) -> None:
    """Of two layers half is the first with its bias; the norms do not learn without train_bn."""
    model = tiny_model()
    unfreeze(model, train_bn=False, frozen_share=share)
    still = {name for name, p in model.body.named_parameters() if not p.requires_grad}
    assert still == frozen | {"1.weight", "1.bias"}
    assert model.features(torch.randn(4, 3, 8, 8)).requires_grad == (share < 0.75)
    assert model.backbone_learns == (share < 0.75)


def test_the_norms_of_frozen_layers_learn_with_train_bn() -> None:
    """With train_bn a frozen share holds still the weights alone, as while freezing."""
    model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=1)
    learning = {name for name, p in model.body.named_parameters() if p.requires_grad}
    assert learning == {"1.weight", "1.bias"}
    assert model.features(torch.randn(4, 3, 8, 8)).requires_grad


def test_half_of_lite0_is_its_first_four_stages() -> None:
    """Counted by weights, half of efficientnet_lite0 ends with its fourth stage of seven."""
    params = ModelParams(arch="efficientnet_lite0", weights="package", head="linear", cut="none")
    model = build_classifier(params, 3, 1, 32)
    unfreeze(model, train_bn=False, frozen_share=0.5)
    learning = [name for name, p in model.body.named_parameters() if p.requires_grad]
    stages = {name.split(".")[1] for name in learning if name.startswith("blocks")}
    assert stages == {"4", "5", "6"}
    assert not any(name.startswith("conv_stem") for name in learning)
    assert any(name.startswith("conv_head") for name in learning)


@pytest.mark.parametrize("train_bn", [True, False])
def test_the_norms_of_the_head_always_train(train_bn: bool) -> None:
    """train_bn is about the backbone; the new head's norm layers train either way."""
    model = tiny_model()
    freeze(model, train_bn)
    train_mode(model, train_bn)
    assert [m.training for m in model.body.modules() if isinstance(m, NORMS)] == [train_bn]
    assert all(m.training for m in model.head.modules() if isinstance(m, nn.BatchNorm1d))


def test_set_rates_reaches_every_group() -> None:
    """Each parameter group takes the rate of its layer group, and all take the momentum."""
    model = resnet()
    unfreeze(model, train_bn=True, frozen_share=0)
    optimizer = make_optimizer(model)
    set_learning_rates(optimizer, [1e-5, 1e-4, 1e-3], 0.9)
    groups = optimizer.param_groups
    assert {group["lr"] for group in groups} == {1e-5, 1e-4, 1e-3}
    assert {group["betas"] for group in groups} == {(0.9, 0.99)}
    head_ids = {id(parameter) for parameter in model.head.parameters()}
    for group in groups:
        assert (group["lr"] == 1e-3) == all(id(p) in head_ids for p in group["params"])
