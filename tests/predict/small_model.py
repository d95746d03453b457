"""A small saved model and photos for it, for the tests of predict."""

from pathlib import Path

import numpy as np
from PIL import Image

from stages.model.classifier import ModelParams, build_classifier
from stages.model.files import ModelCard, save_model

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


def make_photo(path: Path, seed: int = 0) -> Path:
    """Write a photo of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    broad = draw.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(broad).resize((90, 70)).save(path, quality=95)
    return path
