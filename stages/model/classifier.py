"""A classifier: the backbone of a known architecture, and a new head over both of its poolings."""

import numpy as np
import torch
from torch import Tensor, nn

from stages.base.stored_array import Rows
from stages.model.backbones import RGB, count_channels, make_backbone
from stages.model.model_params import HeadName, ModelParams

_HIDDEN_FEATURES = 512  # of fastai's head


class Classifier(nn.Module):
    """Backbone and head; `mean` and `std`: the normalisation that the backbone expects."""

    def __init__(self, backbone: nn.Module, head: nn.Module, mean: RGB, std: RGB) -> None:
        """Join a backbone that gives features (B, F, H, W) and a head that takes them."""
        super().__init__()
        self.body = backbone  # fastai's name, which stands in the names of saved tensors
        self.head = head
        self.mean = mean
        self.std = std
        self.backbone_learns = True

    def forward(self, images: Tensor) -> Tensor:
        """Return one activation per class, (B, C), for images (B, 3, S, S)."""
        activations: Tensor = self.head(self.features(images))
        return activations

    def features(self, images: Tensor) -> Tensor:
        """Return the features (B, F, H, W); without gradients while the backbone does not learn."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.backbone_learns):
            features: Tensor = self.body(images)
        return features


class ConcatPool(nn.Module):
    """Concat pooling: (B, F, H, W) -> (B, 2F), every channel's largest and mean activation.

    amax and mean, unlike the adaptive poolings, have deterministic gradients on CUDA.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Pool over height and width."""
        return torch.cat([features.amax((2, 3)), features.mean((2, 3))], dim=1)


def mean_activations(pooled: Rows) -> Rows:
    """Return the second half of what concat pooling gives: the means (N, F) of (N, 2F)."""
    means = slice(pooled.shape[1] // 2, None)
    return pooled[:, means] if isinstance(pooled, np.ndarray) else pooled.with_columns(means)


def build_classifier(params: ModelParams, classes: int, seed: int, size: int) -> Classifier:
    """Return the classifier for images of that side; what has no weights is drawn from the seed."""
    torch.manual_seed(seed)
    backbone = make_backbone(params.arch, params.weights, size, params.cut)
    head = make_head(params.head, count_channels(backbone.network, size), classes)
    model = Classifier(backbone.network, head, backbone.mean, backbone.std)
    return model.to(memory_format=torch.channels_last)


def make_head(name: HeadName, features: int, classes: int) -> nn.Sequential:
    """Return the layers after the backbone, drawn from torch's random state.

    linear: concat pool, batch norm, dropout, one layer that starts at zero, so that the first loss
    is ln(classes) and the first steps do not spoil the backbone. fastai: its head of two layers.
    """
    pooled = 2 * features
    first_layers = (ConcatPool(), nn.BatchNorm1d(pooled), nn.Dropout(0.25))
    if name == "linear":
        last = nn.Linear(pooled, classes)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return nn.Sequential(*first_layers, last)
    hidden = nn.Linear(pooled, _HIDDEN_FEATURES, bias=False)
    last = nn.Linear(_HIDDEN_FEATURES, classes, bias=False)
    nn.init.kaiming_normal_(hidden.weight)
    nn.init.kaiming_normal_(last.weight)
    between = (nn.ReLU(inplace=True), nn.BatchNorm1d(_HIDDEN_FEATURES), nn.Dropout(0.5))
    return nn.Sequential(*first_layers, hidden, *between, last)
