"""Translation: tensors under the names of the repository they come from, or for another image size.

timm has a translator for each family of networks, which it applies to what it downloads: names of
DeiT, Swin, ConvNeXt, DINOv2 or CLIP become timm's, and position embeddings are resampled.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

# What training scripts put around or before a state dict, as timm looks for it, in its order.
_WRAPPERS = (
    "state_dict_ema", "model_ema", "state_dict", "model", "module", "_orig_mod", "teacher",
    "backbone",
)  # fmt: skip
# timm warns of each tensor that a backbone leaves out, as those of a head.
logging.getLogger("timm").setLevel(logging.ERROR)


def translate(
    make: Callable[..., nn.Module], classifier: str | tuple[str, ...], tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the tensors as a network of timm names and shapes them; ValueError if it cannot.

    make: creates the network, and takes timm's options; classifier: the names of its last layers,
    which are not asked for.

    timm fills what it can and leaves the rest as it was drawn, without saying so. So a copy of the
    file with NaN in place of all numbers goes through first: what is NaN then comes from the file.
    """
    inside = unwrap(tensors)
    # Without memory: one number that stands at every place.
    marks = {name: _mark(tensor) for name, tensor in inside.items()}
    try:
        marked = _loaded(make, classifier, marks)
        loaded = _loaded(make, classifier, inside)
    except Exception as error:  # a translator may fail in any way on what it was not made for
        raise ValueError(str(error)) from None
    return {
        name: tensor
        for name, tensor in loaded.items()
        if not tensor.is_floating_point() or marked[name].isnan().any()
    }


def unwrap(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return what is inside the wrappers of training scripts, under its own names.

    >>> list(unwrap({"model.module.fc.bias": torch.ones(1), "epoch": torch.ones(1)}))
    ['fc.bias']
    """
    for wrapper in _WRAPPERS:
        inside = {
            name.removeprefix(f"{wrapper}."): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"{wrapper}.")
        }
        if inside:
            return unwrap(inside)
    return tensors


def _mark(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    return torch.tensor(torch.nan, dtype=tensor.dtype).expand(tensor.shape)


def _loaded(
    make: Callable[..., nn.Module],
    classifier: str | tuple[str, ...],
    tensors: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Return the state of a new network after timm has loaded tensors into it."""
    # With another number of classes than the network's none, timm leaves the classifier out.
    overlay: dict[str, Any] = {
        "state_dict": dict(tensors),
        "num_classes": 1,
        "classifier": classifier,
    }
    return make(pretrained=True, pretrained_cfg_overlay=overlay).state_dict()
