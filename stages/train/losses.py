"""From activations to losses, probabilities and margins."""

import torch
from torch import Tensor
from torch.nn import functional

from stages.model.model_params import LossName


def loss_per_image(
    activations: Tensor, targets: Tensor, name: LossName, smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each image, (B,), for activations (B, C) and class numbers (B,).

    cross_entropy: log-softmax, then the negative log-likelihood; a random guess costs ln(C).
    bce: binary cross-entropy, mean over the classes, each a yes or no of its own; ln(2) at first.
    """
    activations = activations.float()
    if name == "cross_entropy":
        return functional.cross_entropy(
            activations, targets, reduction="none", label_smoothing=smoothing
        )
    classes = activations.shape[1]
    one_hot = functional.one_hot(targets, classes).float()
    smoothed = one_hot * (1 - smoothing) + smoothing / classes
    return functional.binary_cross_entropy_with_logits(
        activations, smoothed, reduction="none"
    ).mean(dim=1)


def to_pred_probs(activations: Tensor, name: LossName) -> Tensor:
    """Return probabilities (B, C): softmax always picks a class, sigmoid may refuse them all."""
    activations = activations.float()
    if name == "cross_entropy":
        return torch.softmax(activations, dim=1)
    return torch.sigmoid(activations)


def label_margins(pred_probs: Tensor, targets: Tensor) -> Tensor:
    """Return the margin of each image, (B,): the probability of its label minus the largest other.

    From -1 to 1, for probabilities (B, C) and class numbers (B,).
    """
    of_label = pred_probs.gather(1, targets[:, None])[:, 0]
    others = pred_probs.scatter(1, targets[:, None], -1.0)
    return of_label - others.amax(dim=1)
