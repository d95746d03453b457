"""Which parameters learn, and how fast: freezing, and groups for discriminative learning rates."""

from collections.abc import Iterator

import torch
from timm.layers.norm import RmsNorm, RmsNorm2d
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from stages.model.classifier import Classifier

# fastai's Adam: a longer memory of squares, as usual elsewhere, would outlive a cycle of few steps.
_BETA2 = 0.99
_EPSILON = 1e-5
_WEIGHT_DECAY = 0.01
# Until the first step sets it.
_FIRST_MOMENTUM = 0.95
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, RmsNorm, RmsNorm2d)
# Children of a ResNet's backbone that learn faster than those before them, as in fastai.
_LATER_LAYERS = ("layer3", "layer4")


def layer_groups(model: Classifier) -> list[list[nn.Module]]:
    """Return the modules of each group, first layers first and the head last."""
    children = dict(model.body.named_children())
    later = [child for name, child in children.items() if name in _LATER_LAYERS]
    if not later:
        return [[model.body], [model.head]]
    early = [child for name, child in children.items() if name not in _LATER_LAYERS]
    return [early, later, [model.head]]


def freeze(model: Classifier, train_bn: bool) -> None:
    """Let only the head learn, and with train_bn the backbone's norm layers too (fastai's way)."""
    for parameter in model.body.parameters():
        parameter.requires_grad_(False)
    if train_bn:
        for parameter in _norm_parameters(model.body):
            parameter.requires_grad_(True)
    model.backbone_learns = train_bn


def unfreeze(model: Classifier, train_bn: bool, frozen_share: float) -> None:
    """Let the model learn; without train_bn the backbone's norm layers stay as they were trained.

    frozen_share: of the backbone's layers, from the first; they do not learn, but for norm layers
    with train_bn.

    Whether they should learn depends on the photos. On the digits, unlike anything in ImageNet, and
    with the whole of lite0, norm layers that stand still diverge (93 % error against 11 %). On
    pets, 24 photos a breed, norm layers that learn spoil a head trained before them (16 % error
    becomes 42 %).
    """
    for parameter in model.body.parameters():
        parameter.requires_grad_(True)
    for parameter in _first_parameters(model.body, frozen_share):
        parameter.requires_grad_(False)
    for parameter in _norm_parameters(model.body):
        parameter.requires_grad_(train_bn)
    model.backbone_learns = any(p.requires_grad for p in model.body.parameters())


def train_mode(model: Classifier, train_bn: bool) -> None:
    """Switch to training; without train_bn the backbone's norm layers keep their statistics."""
    model.train()
    if not train_bn:
        for module in model.body.modules():
            if isinstance(module, NORMS):
                module.eval()
    if not model.backbone_learns:
        model.body.eval()


def make_optimizer(model: Classifier) -> torch.optim.AdamW:
    """Return Adam with decoupled weight decay over what learns now, each parameter exactly once.

    Every layer group gives two parameter groups, with decay and without (norms and biases); the
    key `layer` of each tells which layer group it belongs to.
    """
    groups = []
    for number, modules in enumerate(layer_groups(model)):
        undecayed_ids = {id(p) for module in modules for p in _undecayed(module)}
        learning = [p for module in modules for p in module.parameters() if p.requires_grad]
        decayed = [p for p in learning if id(p) not in undecayed_ids]
        undecayed = [p for p in learning if id(p) in undecayed_ids]
        for weight_decay, parameters in ((_WEIGHT_DECAY, decayed), (0.0, undecayed)):
            if parameters:
                groups.append({"params": parameters, "weight_decay": weight_decay, "layer": number})
    # Fused, it passes over the parameters once: 23 ms a step of lite0 where the plain one took 35.
    betas = (_FIRST_MOMENTUM, _BETA2)
    return torch.optim.AdamW(groups, betas=betas, eps=_EPSILON, fused=True)


def set_learning_rates(
    optimizer: torch.optim.Optimizer, rates: list[float], momentum: float
) -> None:
    """Give each parameter group the rate of its layer group, and all of them the momentum."""
    for group in optimizer.param_groups:
        group["lr"] = rates[group["layer"]]
        group["betas"] = (momentum, _BETA2)


def _first_parameters(network: nn.Module, share: float) -> list[nn.Parameter]:
    """Return the parameters of a share of the layers, first layers first.

    A layer is what has weights of two dimensions or more; biases and norms follow their layer.
    """
    parameters = list(network.parameters())
    layers = [number for number, parameter in enumerate(parameters) if parameter.ndim > 1]
    frozen = round(share * len(layers))
    if frozen == len(layers):
        return parameters
    return parameters[: layers[frozen]] if frozen else []


def _norm_parameters(module: nn.Module) -> Iterator[nn.Parameter]:
    for part in module.modules():
        if isinstance(part, NORMS):
            yield from part.parameters(recurse=False)


def _undecayed(module: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters without weight decay: those of norm layers, and every bias."""
    yield from _norm_parameters(module)
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            yield parameter
