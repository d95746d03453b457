"""An exported model answers presized photos as the model in torch does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.images.picture import Pixels
from stages.model.files import load_model
from stages.predict.onnx_photos import OnnxPhotos
from stages.predict.torch_classifier import TorchClassifier
from stages.train.device import Compute
from tests.predict.small_model import CARD, export_model, make_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small model, with its export beside it."""
    folder = make_model(tmp_path_factory.mktemp("project") / "model")
    export_model(folder, 1.7)
    return folder


def photos() -> list[Pixels]:
    """Return presized photos of several shapes, more than a batch of them."""
    draw = np.random.default_rng(0)
    shapes = [(48, 64), (64, 48), (48, 48), (30, 40), (97, 203)] * 8
    return [draw.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def test_answers_are_those_of_torch(folder: Path) -> None:
    """Upright, wide, small or large, each photo gets the same probabilities to 1e-5."""
    compute = Compute(torch.device("cpu"), torch.float32)
    in_torch = TorchClassifier(*load_model(folder), compute, 1.7, "none")
    expected = np.concatenate([in_torch.pred_probs(photos()[at : at + 16]) for at in (0, 16, 32)])
    found = OnnxPhotos(folder.parent / "export/model.onnx").pred_probs(photos())
    assert found.dtype == np.float32
    assert expected.std() > 0.02
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_it_says_of_itself(folder: Path) -> None:
    """Classes and sizes are those of the model."""
    model = OnnxPhotos(folder.parent / "export/model.onnx")
    assert (model.class_names, model.presize) == (CARD.class_names, CARD.presize)
    assert model.may_refuse is False
    assert model.facts.temperature == 1.7
