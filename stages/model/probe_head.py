"""Probe head: the head of a classifier that starts with the answers of a linear probe.

Starting there, fine-tuning does not first spoil the backbone to suit a random head (LP-FT, Kumar
et al. 2022).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.base.errors import UserError
from stages.model.classifier import Classifier
from stages.model.probe import Probe

# The activation of a class without training images: its probability is nought in float32.
_NO_EVIDENCE = -100.0


def start_from_probe(model: Classifier, probe: Probe) -> None:
    """Set the norm and the linear layer of a linear head so that it answers as the probe does.

    Its probabilities are calibrated by the temperature. The largest activations get no weight at
    first. Raises UserError where the probe was fitted on features of another backbone.
    """
    layers: Any = model.head  # concat pool, norm, dropout, linear layer
    norm = layers[1]
    linear = layers[3]
    if norm.num_features != len(probe.means):
        raise UserError(
            f"data/probe.npz is of {len(probe.means) // 2} features, and the backbone gives "
            f"{norm.num_features // 2}; run dvc repro baseline"
        )
    channels = probe.weights.shape[1]
    deviations = np.sqrt(probe.variances)
    # The probe leaves a constant feature as it is; the norm adds epsilon to each.
    unit = np.where(deviations > 0, deviations, 1.0)[channels:]
    scale = np.sqrt(probe.variances[channels:] + norm.eps) / unit / probe.temperature
    biases = probe.biases / probe.temperature
    with torch.no_grad():
        norm.running_mean.copy_(_tensor(probe.means))
        norm.running_var.copy_(_tensor(probe.variances))
        linear.weight.zero_()
        linear.bias.fill_(_NO_EVIDENCE)
        linear.weight[probe.classes, channels:] = _tensor(probe.weights * scale).to(linear.weight)
        linear.bias[probe.classes] = _tensor(biases).to(linear.bias)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(array, np.float32))
