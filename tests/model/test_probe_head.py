"""A head that starts from the probe answers as the probe does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from stages.base.errors import UserError
from stages.model.classifier import Classifier, mean_activations
from stages.model.probe import Probe
from stages.model.probe_head import start_from_probe
from stages.stats.temperature import apply_temperature
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import as_probe
from tests.train.tiny_training import layer, tiny_model

RNG = np.random.default_rng(0)
CHANNELS = 8


def pooled_of(targets: np.ndarray) -> np.ndarray:
    """Return features (N, 2F) after concat pooling, of which one means nothing and is constant."""
    pooled = RNG.standard_normal((len(targets), 2 * CHANNELS)).astype(np.float32)
    pooled[np.arange(len(targets)), CHANNELS + targets] += 2
    pooled[:, -1] = 3.0
    return pooled


def fitted(targets: np.ndarray, classes: int) -> tuple[Classifier, np.ndarray, np.ndarray]:
    """Return a model that starts from a probe, features of the training images, its answers."""
    pooled = pooled_of(targets)
    probe = fit_probe(mean_activations(pooled), targets)
    model = tiny_model(classes, head="linear").eval()
    start_from_probe(model, as_probe(probe, pooled))
    return model, pooled, probe.probabilities(mean_activations(pooled), classes)


def head_answers(model: Classifier, pooled: np.ndarray) -> np.ndarray:
    """Return the probabilities of the head for features that are pooled already."""
    with torch.no_grad():
        activations = after_pooling(model)(torch.from_numpy(pooled))
    return torch.softmax(activations, dim=1).numpy()


def after_pooling(model: Classifier) -> nn.Module:
    """Return the head without its pooling."""
    return nn.Sequential(*list(model.head.children())[1:])


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_before_the_first_step_the_model_is_the_probe(classes: int) -> None:
    """For two classes or more the head's probabilities are the probe's."""
    model, pooled, expected = fitted(RNG.integers(0, classes, 90), classes)
    assert head_answers(model, pooled) == pytest.approx(expected, abs=1e-5)


def test_a_class_without_training_images_is_never_predicted() -> None:
    """Of four classes, the one without training images has no probability, as with the probe."""
    targets = RNG.choice([0, 1, 3], 90)
    model, pooled, expected = fitted(targets, 4)
    answers = head_answers(model, pooled)
    assert answers == pytest.approx(expected, abs=1e-5)
    assert answers[:, 2].max() < 1e-30


def test_the_largest_activations_learn_from_the_start() -> None:
    """They have no weight at first, and a gradient."""
    model, pooled, _ = fitted(RNG.integers(0, 3, 90), 3)
    weight = layer(model.head, 3).weight
    assert (weight[:, :CHANNELS] == 0).all()
    after_pooling(model)(torch.from_numpy(pooled))[:, 0].sum().backward()
    assert (weight.grad[0, : CHANNELS - 1] != 0).any()


def test_the_answers_are_as_sure_as_the_temperature_says() -> None:
    """A temperature divides the activations: the same classes, with calibrated probabilities."""
    targets = RNG.integers(0, 3, 90)
    pooled = pooled_of(targets)
    probe = fit_probe(mean_activations(pooled), targets)
    expected = apply_temperature(probe.probabilities(mean_activations(pooled), 3), 2.5)
    model = tiny_model(3, head="linear").eval()
    start_from_probe(model, as_probe(replace(probe, temperature=2.5), pooled))
    assert head_answers(model, pooled) == pytest.approx(expected, abs=1e-5)


def test_another_backbone_is_refused() -> None:
    """A probe on another number of features is an error that says what to run."""
    probe = Probe(
        classes=np.arange(2),
        means=np.zeros(6),
        variances=np.ones(6),
        weights=np.zeros((2, 3)),
        biases=np.zeros(2),
        temperature=np.array(1.0),
    )
    with pytest.raises(UserError, match=r"of 3 features.*gives 8; run dvc repro baseline"):
        start_from_probe(tiny_model(2, head="linear"), probe)
