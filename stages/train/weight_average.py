"""Weight averaging: the weights of a trained model and of its start, as in WiSE-FT.

Wortsman et al. 2022, Robust fine-tuning of zero-shot models. Where the start is good already, as
the probe's is on photographs of things, half of both is better than either.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's parameters and statistics by name."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def average_weights(model: nn.Module, start: Mapping[str, Tensor], trained_share: float) -> None:
    """Average a model with its start, in place; trained_share: 1 leaves it, 0 is the start.

    Counters, which are no floating-point numbers, stay.
    """
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.lerp(start[name], tensor, trained_share))
