"""The pixel classifier holds all that stands between pixels and calibrated probabilities."""

import numpy as np
import pytest
import torch

from stages.forms.pixel_classifier import PixelClassifier
from tests.forms.random_model import random_model

PIXELS = np.random.default_rng(0).random((3, 32, 32, 3), dtype="float32") * 255


def activations(
    model: torch.nn.Module, mean: tuple[float, ...], std: tuple[float, ...]
) -> np.ndarray:
    """Return the activations of PIXELS, normalised by hand."""
    images = (PIXELS / 255 - np.array(mean)) / np.array(std)
    with torch.inference_mode():
        result: torch.Tensor = model(torch.tensor(images.transpose(0, 3, 1, 2)).float())
    return result.double().numpy()


def test_softmax_of_activations_by_the_temperature() -> None:
    """Probabilities are the softmax of the activations of normalised pixels over temperature."""
    model, card = random_model()
    model.mean, model.std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    powers = np.exp(activations(model, model.mean, model.std) / 1.7)
    expected = powers / powers.sum(axis=1, keepdims=True)
    answers = PixelClassifier(model, card.loss, 1.7).answer(PIXELS)
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_with_bce_each_class_answers_by_itself() -> None:
    """A model that was trained with bce gives the sigmoid of each activation."""
    model, card = random_model(loss="bce")
    expected = 1 / (1 + np.exp(-activations(model, model.mean, model.std) / 0.5))
    answers = PixelClassifier(model, card.loss, 0.5).answer(PIXELS)
    np.testing.assert_allclose(answers, expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 33])
def test_batches_of_any_number(count: int) -> None:
    """However many photos are asked for at once, each gets its own answer."""
    model, card = random_model()
    classifier = PixelClassifier(model, card.loss, 1.0)
    many = classifier.answer(np.repeat(PIXELS[:1], count, axis=0))
    assert many.shape == (count, len(card.class_names))
    np.testing.assert_allclose(many, np.repeat(classifier.answer(PIXELS[:1]), count, 0), atol=1e-6)
