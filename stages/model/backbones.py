"""Backbones of known architectures: what stands before the pooling, and its normalisation."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import timm
import torch
import torchvision
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.feature_maps import as_map, ensure_map
from stages.model.model_params import Cut
from stages.model.packages import library_name, packaged_weights
from stages.model.translation import translate
from stages.model.weights import load_in_order, load_weights
from stages.model.weights_name import WEIGHTS_FOLDER, is_file_name

RGB = tuple[float, float, float]
NetworkT = TypeVar("NetworkT")
# The backbone of a torchvision classifier is its children up to the first of these.
_TAIL_LAYERS = (nn.AdaptiveAvgPool2d, nn.Linear, nn.Dropout)
# These are more than their children one after the other, and only lose their last layer.
_NESTED_ARCHS = ("vit_", "maxvit", "googlenet", "inception")


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network from images to features (B, F, H, W), and how it expects images normalised."""

    network: nn.Module
    mean: RGB
    std: RGB


# What the packaged lite models were trained with; ImageNet's own costs 11 points of top-1.
LITE_MEAN = (0.498, 0.498, 0.498)
LITE_STD = (0.502, 0.502, 0.502)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def make_backbone(arch: str, weights: str, size: int, cut: Cut = "none") -> Backbone:
    """Return the backbone of a timm or torchvision classifier with the weights asked for.

    arch: as the library names it, or as the model card on the Hugging Face hub does, such as
    `hf-hub:timm/resnet18.a1_in1k`; weights: package, hub, none, or the name of a .safetensors or
    .pth file in WEIGHTS_FOLDER; size: side of the images in pixels, which networks with position
    embeddings must know; cut: as in `_cut_at`.
    """
    arch = library_name(arch)
    if weights == "package":
        backbone = _packaged(arch)
    elif timm.is_model(arch):
        backbone = _timm(arch, weights, size)
    elif arch in torchvision.models.list_models(module=torchvision.models):
        backbone = _torchvision(arch, weights)
    else:
        raise UserError(
            f"params.yaml: model.arch: no {arch!r} in timm or torchvision{_similar_names(arch)}"
        )
    if cut != "none":
        _cut_at(backbone.network, arch, cut, size)
    return replace(backbone, network=ensure_map(backbone.network, size, arch))


def _cut_at(network: Any, arch: str, cut: int, size: int) -> None:
    """Remove from a timm network what comes after its map is `cut` times smaller than the image."""
    reductions = [stage["reduction"] for stage in getattr(network, "feature_info", None) or []]
    # The last stage leaves nothing to remove; in a ViT every layer has the reduction of the last.
    possible = [n for n in (4, 8, 16) if n in reductions and n != reductions[-1]]
    if cut not in possible:
        choices = " or ".join(["none", *map(str, possible)])
        raise UserError(
            f"params.yaml: model.cut: {arch} cannot be ended where its map is {cut} times smaller; "
            f"choose {choices}"
        )
    last_stage = len(reductions) - 1 - reductions[::-1].index(cut)
    try:
        network.prune_intermediate_layers([last_stage], prune_norm=True, prune_head=True)
        as_map(network.eval()(torch.zeros(1, 3, size, size)))
    except Exception as error:
        line = " ".join(str(error).split())[:80]
        raise UserError(
            f"params.yaml: model.cut: {arch} does not work when it is ended early ({line}); "
            "choose none"
        ) from None


def count_channels(network: nn.Module, size: int) -> int:
    """Return how many features (B, F, H, W) a network gives for images of that size: F."""
    network.eval()
    with torch.no_grad():
        features: Tensor = network(torch.zeros(1, 3, size, size))
    return features.shape[1]


def _packaged(arch: str) -> Backbone:
    package = packaged_weights(arch)
    network: Any = timm.create_model(package.arch, num_classes=1000)
    load_in_order(network, torch.load(package.path(), weights_only=True))
    network.reset_classifier(0, "")
    return Backbone(network=network, mean=LITE_MEAN, std=LITE_STD)


def _timm(arch: str, weights: str, size: int) -> Backbone:
    config = _published(arch)
    make = partial(timm.create_model, arch, num_classes=0)
    if config and config.fixed_input_size and size != config.input_size[-1]:
        make = partial(make, img_size=size)
    pretrained = weights == "hub"
    try:
        unpooled = partial(make, global_pool="")
        network: Any = _from_hub(arch, partial(unpooled, pretrained=pretrained))
        make = unpooled
    except AssertionError:  # a few cannot do without their own pooling
        network = _from_hub(arch, partial(make, pretrained=pretrained))
    config = network.default_cfg
    if is_file_name(weights):
        classifier = config.get("classifier") or "head"
        load_weights(network, WEIGHTS_FOLDER / weights, partial(translate, make, classifier))
    return Backbone(network=network, mean=tuple(config["mean"]), std=tuple(config["std"]))


def _torchvision(arch: str, weights: str) -> Backbone:
    published = "DEFAULT" if weights == "hub" else None
    classifier = _from_hub(arch, lambda: torchvision.models.get_model(arch, weights=published))
    if arch == "googlenet":
        # Its published weights want it; torchvision sets it only while it fetches them, so that a
        # file of the same weights, or a saved model, would get images of other colours.
        classifier.transform_input = True
    if arch.startswith(_NESTED_ARCHS):
        network = _without_last_layer(classifier)
    else:
        network = nn.Sequential(_children_before_tail(classifier))
    if is_file_name(weights):
        load_weights(network, WEIGHTS_FOLDER / weights)
    return Backbone(network=network, mean=_IMAGENET_MEAN, std=_IMAGENET_STD)


def _children_before_tail(classifier: nn.Module) -> OrderedDict[str, nn.Module]:
    children: OrderedDict[str, nn.Module] = OrderedDict()
    for name, child in classifier.named_children():
        if isinstance(child, _TAIL_LAYERS) or name == "classifier":
            break
        children[name] = child
    return children


def _without_last_layer(classifier: Any) -> nn.Module:
    """Return a classifier that gives what its last layer would have taken."""
    children = [name for name, _ in classifier.named_children()]
    for name in children:
        if name.lower().startswith("aux"):
            setattr(classifier, name, None)  # heads that only help training from nothing
            classifier.aux_logits = False
    linears = [name for name, part in classifier.named_modules() if isinstance(part, nn.Linear)]
    classifier.set_submodule(linears[-1], nn.Identity())
    network: nn.Module = classifier
    return network


def _from_hub(arch: str, make: Callable[[], NetworkT]) -> NetworkT:
    """Return a network whose weights a hub may have to provide, or a UserError with the remedy."""
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


def _published(arch: str) -> Any:
    """Return what timm knows of the weights of an architecture, or of those behind the dot."""
    try:
        return timm.get_pretrained_cfg(arch)
    except RuntimeError:
        name, _, tag = arch.partition(".")
        choices = " or ".join([name, *timm.list_pretrained(f"{name}.*")[:6]])
        raise UserError(
            f"params.yaml: model.arch: timm has no weights {tag!r} of {name}; choose {choices}"
        ) from None


def _similar_names(arch: str) -> str:
    names = timm.list_models(f"*{arch[:6]}*")[:4]
    return f"; near it: {', '.join(names)}" if names else "; try resnet34 or convnext_tiny"
