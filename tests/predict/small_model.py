"""A small saved model and photos for it, for the tests of predict."""

from pathlib import Path

import numpy as np
from PIL import Image

from stages.base.files import sha256_bytes
from stages.forms.onnx_classifier import OnnxFacts
from stages.forms.onnx_file import to_onnx
from stages.forms.pixel_classifier import PixelClassifier
from stages.model.classifier import build_classifier
from stages.model.files import ModelCard, load_model, save_model
from stages.model.model_params import ModelParams

CARD = ModelCard(
    params=ModelParams(arch="test_resnet", weights="none", head="linear", cut="none"),
    class_names=["cat", "dog", "owl"],
    size=32,
    loss="cross_entropy",
    presize=48,
    base_lr=0.002,
    seed=1,
    device="cpu",
    precision="float32",
    threads=1,
    processes=1,
    torch="2.15.0",
)


def make_model(folder: Path, seed: int = 1) -> Path:
    """Save a model of three classes whose answers differ from photo to photo."""
    classifier = build_classifier(CARD.params, 3, seed=seed, size=32)
    head = classifier.state_dict()["head.3.weight"]
    draw = np.random.default_rng(seed)
    head.copy_(head.new_tensor(draw.normal(0, 0.5, head.shape)))
    save_model(folder, classifier, CARD)
    return folder


def export_model(folder: Path, temperature: float = 1.0) -> Path:
    """Write the ONNX file of a saved model where export does; return it."""
    model, card = load_model(folder)
    facts = OnnxFacts(
        class_names=card.class_names,
        thresholds={"95": 0.7, "99": None},
        temperature=temperature,
        calibrated=True,
        presize=card.presize,
        size=card.size,
        activation="softmax",
        weights_sha256=sha256_bytes((folder / "model.safetensors").read_bytes()),
        card_sha256=sha256_bytes((folder / "model.json").read_bytes()),
    )
    file = folder.parent / "export" / "model.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    classifier = PixelClassifier(model, card.loss, temperature)
    file.write_bytes(to_onnx(classifier, card.size, facts))
    return file


def make_photo(path: Path, seed: int = 0) -> Path:
    """Write a photo of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    broad = draw.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(broad).resize((90, 70)).save(path, quality=95)
    return path
