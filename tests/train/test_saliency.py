"""Class-activation saliency: the map of what each place gave to the prediction."""

import numpy as np
import pytest
import torch
from torch import nn

from stages.batch.batches import Batch
from stages.model.classifier import Classifier, build_classifier, make_head
from stages.model.feature_maps import ensure_map
from stages.model.model_params import ModelParams
from stages.train import saliency as module
from stages.train.saliency import as_grid, contributions, images_to_explain, saliency_maps
from tests.train.tiny_training import CPU, layer, tiny_batches, tiny_model

RGB = (0.5, 0.5, 0.5)


def channel_classifier() -> Classifier:
    """Return a model whose backbone passes images on and whose classes are their channels."""
    head = make_head("linear", 3, 3)
    with torch.no_grad():
        layer(head, 3).weight[:, :3] = torch.eye(3)  # of the largest activation
        layer(head, 3).weight[:, 3:] = torch.eye(3)  # of the mean
    return Classifier(nn.Identity(), head, RGB, RGB).eval()


def spot(place: tuple[int, int], channel: int = 1) -> torch.Tensor:
    """Return an image (1, 3, 6, 6), dark but for one place of one channel."""
    image = torch.zeros(1, 3, 6, 6)
    image[0, channel, place[0], place[1]] = 5.0
    return image


def batch_of(images: torch.Tensor) -> Batch:
    """Return a batch of these images; their labels do not matter."""
    targets = torch.zeros(len(images), dtype=torch.long)
    return Batch(images=images, targets=targets, rows=np.arange(len(images)))


def test_the_map_points_at_what_decided() -> None:
    """A bright spot makes the class, and the map is one there and zero everywhere else."""
    places = [(0, 0), (2, 5), (4, 1)]
    batch = batch_of(torch.cat([spot(place) for place in places]))
    maps = saliency_maps(channel_classifier(), [batch], CPU)
    assert maps.shape == (3, 6, 6)
    assert maps.dtype == np.float32
    for saliency_map, place in zip(maps, places, strict=True):
        assert saliency_map[place] == 1
        assert saliency_map.sum() == 1


def test_contributions_add_up_to_the_score() -> None:
    """With a linear head all places together give the score, less what it is without features."""
    torch.manual_seed(0)
    model = channel_classifier()
    features = torch.randn(5, 3, 4, 4)
    with torch.no_grad():
        layer(model.head, 3).weight.normal_()
        layer(model.head, 1).running_mean.normal_()
        scores = model.head(features)
        scores_of_nothing = model.head(torch.zeros(1, 3, 4, 4))[0]
    sums = contributions(model, features).sum((1, 2))
    expected = scores.amax(dim=1) - scores_of_nothing[scores.argmax(dim=1)]
    assert sums.tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_contributions_are_the_gradient_times_the_features() -> None:
    """Numerical derivatives of the top score of a head with two layers agree."""
    model = tiny_model().double().eval()
    features = torch.randn(1, 8, 2, 2, dtype=torch.double, generator=torch.manual_seed(1))
    expected = torch.zeros(2, 2)
    with torch.no_grad():
        for channel, row, column in np.ndindex(8, 2, 2):
            step = torch.zeros_like(features)
            step[0, channel, row, column] = 1e-6
            slope = (model.head(features + step).max() - model.head(features - step).max()) / 2e-6
            expected[row, column] += slope * features[0, channel, row, column]
    by_place = contributions(model, features)[0]
    assert by_place.flatten().tolist() == pytest.approx(expected.flatten().tolist(), abs=1e-5)


def test_explaining_changes_nothing_in_the_model() -> None:
    """Weights, statistics and gradients of the model stay as they are."""
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    maps = saliency_maps(model, tiny_batches(2), CPU)
    assert maps.shape == (18, 8, 8)
    assert maps.min() >= 0
    assert maps.max(axis=(1, 2)) == pytest.approx(np.ones(18))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.grad is None for value in model.parameters())


def test_without_positive_contributions_the_map_is_zero() -> None:
    """A dark image gives no place any weight, and no division by zero."""
    maps = saliency_maps(channel_classifier(), [batch_of(torch.zeros(2, 3, 6, 6))], CPU)
    assert np.array_equal(maps, np.zeros((2, 6, 6)))


def test_tokens_lie_as_a_grid_when_their_number_is_a_square() -> None:
    """Nine tokens are three rows of three; eight, or a single vector, have no place to show."""
    tokens = torch.arange(18.0).reshape(2, 9, 1)
    grid = as_grid(tokens)
    assert grid is not None
    assert grid[1].tolist() == [[9, 10, 11], [12, 13, 14], [15, 16, 17]]
    assert as_grid(tokens[:, :8]) is None
    assert as_grid(tokens[:, :1]) is None
    assert as_grid(torch.ones(2, 3, 4)) is not None


@pytest.mark.parametrize(
    ("arch", "shape"),
    [("test_resnet", (2, 2)), ("test_vit", (4, 4)), ("test_efficientnet", (2, 2))],
)
def test_every_kind_of_backbone_has_maps(arch: str, shape: tuple[int, int]) -> None:
    """Convolutions and the tokens of a transformer both give maps, in their own grid."""
    params = ModelParams(arch=arch, weights="none", head="linear", cut="none")
    model = build_classifier(params, 3, 0, 64)
    nn.init.normal_(layer(model.head, 3).weight)
    batch = batch_of(torch.randn(2, 3, 64, 64, generator=torch.manual_seed(0)))
    assert saliency_maps(model, [batch], CPU).shape == (2, *shape)


def test_features_without_places_have_no_maps() -> None:
    """One vector an image has no places; and no images have no maps."""
    pooled = ensure_map(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 8, "pooled")
    model = Classifier(pooled, make_head("linear", 3, 3), RGB, RGB)
    assert saliency_maps(model, tiny_batches(1), CPU).shape == (0, 0, 0)
    assert saliency_maps(tiny_model(), [], CPU).shape == (0, 0, 0)


def test_high_losses_and_confident_mistakes_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Explained are the highest losses, and the mistakes of the highest confidence."""
    pred_probs = np.array(
        [[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.45, 0.5, 0.05]]
    )
    targets = np.array([0, 0, 2, 2, 0])
    monkeypatch.setattr(module, "HIGHEST_LOSSES", 2)
    monkeypatch.setattr(module, "CONFIDENT_MISTAKES", 1)
    # Images 1 and 3 have the same loss: the first is taken.
    assert images_to_explain(pred_probs, targets).tolist() == [1, 2]
    monkeypatch.setattr(module, "CONFIDENT_MISTAKES", 9)
    assert images_to_explain(pred_probs, targets).tolist() == [1, 2, 4]
    assert images_to_explain(pred_probs[:0], targets[:0]).tolist() == []
