"""A classifier: the body of a known architecture, and a new head over both of its poolings."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from stages.base.params import Section
from stages.model.backbones import RGB, Cut, count_channels, make_backbone

HeadName = Literal["linear", "fastai"]


class ModelParams(Section):
    """The section `model` of params.yaml."""

    arch: str = Field(min_length=1)
    weights: str = Field(min_length=1)
    head: HeadName
    cut: Cut


class Classifier(nn.Module):
    """Body and head; `mean` and `std` say how images must be normalised for the body."""

    def __init__(self, body: nn.Module, head: nn.Module, mean: RGB, std: RGB) -> None:
        """Join a body that gives (B, F, H, W) and a head that takes it."""
        super().__init__()
        self.body, self.head = body, head
        self.mean, self.std = mean, std
        self.body_learns = True

    def forward(self, images: Tensor) -> Tensor:
        """Return one activation per class, (B, C), for images (B, 3, S, S)."""
        return self.head(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return the body's features (B, F, H, W); without gradients while nothing in it learns."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.body_learns):
            return self.body(images)


class ConcatPool(nn.Module):
    """The largest and the mean activation of every channel: (B, F, H, W) -> (B, 2F).

    amax and mean, unlike the adaptive poolings, have deterministic gradients on CUDA.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Pool over height and width."""
        return torch.cat([features.amax((2, 3)), features.mean((2, 3))], dim=1)


def build_classifier(params: ModelParams, classes: int, seed: int, size: int) -> Classifier:
    """Return the classifier for images of that side; what has no weights is drawn from the seed."""
    torch.manual_seed(seed)
    body = make_backbone(params.arch, params.weights, size, params.cut)
    head = make_head(params.head, count_channels(body.network, size), classes)
    model = Classifier(body.network, head, body.mean, body.std)
    return model.to(memory_format=torch.channels_last)


def make_head(name: HeadName, features: int, classes: int) -> nn.Sequential:
    """Return the layers after the body, drawn from torch's random state.

    linear: concat pool, batch norm, dropout, one layer that starts at zero, so that the first loss
    is ln(classes) and the first steps do not spoil the body. fastai: its head of two layers.
    """
    pool, norm, dropout = ConcatPool(), nn.BatchNorm1d(2 * features), nn.Dropout(0.25)
    if name == "linear":
        last = nn.Linear(2 * features, classes)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return nn.Sequential(pool, norm, dropout, last)
    hidden, last = (
        nn.Linear(2 * features, 512, bias=False),
        nn.Linear(512, classes, bias=False),
    )
    nn.init.kaiming_normal_(hidden.weight)
    nn.init.kaiming_normal_(last.weight)
    between = (nn.ReLU(inplace=True), nn.BatchNorm1d(512), nn.Dropout(0.5))
    return nn.Sequential(pool, norm, dropout, hidden, *between, last)
