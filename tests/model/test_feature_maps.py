"""Feature maps: the four ways in which networks lay their features out."""

import pytest
import torch
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.feature_maps import FeatureMap, as_map, ensure_map

MAP = torch.arange(2 * 5 * 3 * 3).reshape(2, 5, 3, 3).float()


class ConstantNetwork(nn.Module):
    """A network that gives the same features for every image."""

    def __init__(self, features: Tensor, prefix_tokens: int = 0) -> None:
        """Give these features; prefix_tokens: how many stand for no place, as timm names it."""
        super().__init__()
        self.features = features
        self.num_prefix_tokens = prefix_tokens

    def forward(self, images: Tensor) -> Tensor:
        """Return as many features as there are images."""
        return self.features[: len(images)]


def test_a_map_stays() -> None:
    """Features before height and width are returned as they are."""
    assert as_map(MAP) is MAP


def test_features_last_are_moved_first() -> None:
    """(B, H, W, F) and (B, F, H, W) are the same map."""
    assert torch.equal(as_map(MAP.permute(0, 2, 3, 1)), MAP)


def test_tokens_become_places() -> None:
    """Tokens (B, N, F) become N places of F features, in order."""
    tokens = MAP.flatten(2).mT
    assert torch.equal(as_map(tokens)[..., 0], MAP.flatten(2))


def test_tokens_that_stand_for_no_place_are_left_out() -> None:
    """Class and register tokens come first and are dropped."""
    tokens = torch.cat([torch.full((2, 2, 5), -1.0), MAP.flatten(2).mT], dim=1)
    assert torch.equal(as_map(tokens, prefix_tokens=2)[..., 0], MAP.flatten(2))


def test_a_network_of_class_tokens_alone_keeps_them() -> None:
    """Where every token is a class token there is nothing else to take."""
    assert as_map(torch.ones(2, 1, 5), prefix_tokens=1).shape == (2, 5, 1, 1)


def test_a_vector_is_a_map_of_one_place() -> None:
    """(B, F) becomes (B, F, 1, 1)."""
    assert torch.equal(as_map(MAP[:, :, 0, 0])[:, :, 0, 0], MAP[:, :, 0, 0])


def test_only_what_needs_it_is_wrapped() -> None:
    """A network that gives a map keeps its own children, which name its layer groups."""
    plain = ConstantNetwork(MAP)
    tokens = ConstantNetwork(MAP.flatten(2).mT, prefix_tokens=1)
    assert ensure_map(plain, 16, "plain") is plain
    wrapped = ensure_map(tokens, 16, "tokens")
    assert isinstance(wrapped, FeatureMap)
    assert wrapped(torch.zeros(2, 3, 16, 16)).shape == (2, 5, 8, 1)


def test_a_network_that_fails_on_the_size_is_named() -> None:
    """The error says which network, which size, and what to do."""
    with pytest.raises(UserError, match=r"narrow does not work on images of augment\.size 16"):
        ensure_map(nn.Conv2d(3, 4, 40), 16, "narrow")
