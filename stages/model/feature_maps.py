"""Feature maps: the output of any network (a map, tokens, one vector an image) laid out alike."""

import torch
from torch import Tensor, nn

from stages.base.errors import UserError


class FeatureMap(nn.Module):
    """A network with its output laid out as (B, F, H, W)."""

    def __init__(self, network: nn.Module, prefix_tokens: int) -> None:
        """Take a network whose first tokens, so many, stand for no place in the image."""
        super().__init__()
        self.network = network
        self.prefix_tokens = prefix_tokens

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, F, H, W) for images (B, 3, S, S)."""
        return as_map(self.network(images), self.prefix_tokens)


def as_map(features: Tensor, prefix_tokens: int = 0) -> Tensor:
    """Lay features out as (B, F, H, W), however the network does.

    (B, F, H, W) stays; (B, H, W, F), as in Swin, moves its last axis; tokens (B, N, F), as in ViT,
    become (B, F, N, 1) without the prefix tokens; one vector an image (B, F) becomes (B, F, 1, 1).
    """
    if features.ndim == 2:
        return features[:, :, None, None]
    if features.ndim == 3:
        has_places = features.shape[1] > prefix_tokens
        places = features[:, prefix_tokens:] if has_places else features
        return places.mT[..., None]
    _, first, second, last = features.shape
    features_last = first == second != last
    return features.movedim(-1, 1) if features_last else features


def ensure_map(network: nn.Module, size: int, arch: str) -> nn.Module:
    """Return the network itself where it gives a map for images of that side, else a FeatureMap.

    arch: its name, for the UserError where it does not work on such images.
    """
    network.eval()
    prefix_tokens: int = getattr(network, "num_prefix_tokens", None) or 0
    try:
        with torch.no_grad():
            output = network(torch.zeros(1, 3, size, size))
            map_shape = as_map(output, prefix_tokens).shape
    except Exception as error:
        line = " ".join(str(error).split())[:80]
        raise UserError(
            f"params.yaml: model.arch: {arch} does not work on images of augment.size {size} "
            f"({line}); choose the size that it was made for (often 224), or another network"
        ) from None
    return network if output.shape == map_shape else FeatureMap(network, prefix_tokens)
