"""From activations to losses and probabilities."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

LossName = Literal["cross_entropy", "bce"]


def loss_per_image(
    activations: Tensor, targets: Tensor, name: LossName, smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each image, (B,), for activations (B, C) and class numbers (B,).

    cross_entropy: log-softmax, then the negative log-likelihood; a random guess costs ln(C).
    bce: binary cross-entropy, mean over the classes, each a yes or no of its own; ln(2) at first.
    """
    activations = activations.float()
    if name == "cross_entropy":
        return F.cross_entropy(activations, targets, reduction="none", label_smoothing=smoothing)
    wanted = F.one_hot(targets, activations.shape[1]).float()
    wanted = wanted * (1 - smoothing) + smoothing / activations.shape[1]
    return F.binary_cross_entropy_with_logits(activations, wanted, reduction="none").mean(dim=1)


def to_pred_probs(activations: Tensor, name: LossName) -> Tensor:
    """Return probabilities (B, C): softmax always picks a class, sigmoid may refuse them all."""
    activations = activations.float()
    if name == "cross_entropy":
        return torch.softmax(activations, dim=1)
    return torch.sigmoid(activations)


def margins(probability: Tensor, targets: Tensor) -> Tensor:
    """Return the probability of each image's label minus the largest other one, in -1..1."""
    own = probability.gather(1, targets[:, None])[:, 0]
    others = probability.scatter(1, targets[:, None], -1.0)
    return own - others.amax(dim=1)
