"""Whatever a network gives (a map, tokens, or one vector an image) as a map of features."""

import torch
from torch import Tensor, nn

from stages.base.errors import UserError


class FeatureMap(nn.Module):
    """A network with its output laid out as (B, F, H, W)."""

    def __init__(self, network: nn.Module, prefix: int) -> None:
        """Take a network whose first `prefix` tokens stand for no place in the image."""
        super().__init__()
        self.network, self.prefix = network, prefix

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, F, H, W) for images (B, 3, S, S)."""
        return as_map(self.network(images), self.prefix)


def as_map(features: Tensor, prefix: int = 0) -> Tensor:
    """Lay features out as (B, F, H, W), whatever the network's own way.

    (B, F, H, W) stays; (B, H, W, F), as in Swin, moves its last axis; tokens (B, N, F), as in ViT,
    become (B, F, N, 1) without the first `prefix`; one vector an image (B, F) becomes (B, F, 1, 1).
    """
    if features.ndim == 2:
        return features[:, :, None, None]
    if features.ndim == 3:
        places = features[:, prefix:] if features.shape[1] > prefix else features
        return places.mT[..., None]
    _, first, second, last = features.shape
    return features.movedim(-1, 1) if first == second != last else features


def mapped(network: nn.Module, size: int, arch: str) -> nn.Module:
    """Return the network itself when it gives a map for images of `size`, else wrapped."""
    network.eval()
    prefix = getattr(network, "num_prefix_tokens", None) or 0
    try:
        with torch.no_grad():
            plain = network(torch.zeros(1, 3, size, size))
            shape = as_map(plain, prefix).shape
    except Exception as error:
        line = " ".join(str(error).split())[:80]
        raise UserError(
            f"params.yaml: model.arch: {arch} does not work on images of augment.size {size} "
            f"({line}); choose the size that it was made for (often 224), or another network"
        ) from None
    return network if plain.shape == shape else FeatureMap(network, prefix)
