"""A folder that timm and transformers load by themselves, or the reason why there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from stages.forms.parity import measure_parity
from stages.forms.pixel_classifier import PixelClassifier
from stages.forms.timm_folder import NotExact, TimmClassifier, fold_head, to_timm
from tests.forms.random_model import CLASS_NAMES, random_model

PIXELS = np.random.default_rng(0).random((3, 64, 64, 3), dtype="float32") * 255
# What a person types who has timm and not Finetrack.
PLAIN_TIMM = """
import sys, json
import numpy as np, timm, torch
model = timm.create_model("local-dir:" + sys.argv[1], pretrained=True).eval()
images = torch.from_numpy(np.load(sys.argv[2]))
with torch.inference_mode():
    np.save(sys.argv[3], model(images).softmax(1).numpy())
assert "stages" not in sys.modules
print(json.dumps(model.pretrained_cfg["label_names"]))
"""


def test_the_folded_layer_computes_norm_and_layer() -> None:
    """One layer on mean and largest gives what batch norm and layer give on largest and mean."""
    model, _ = random_model()
    features = torch.rand(4, 96, 3, 3, generator=torch.Generator().manual_seed(0))
    weight, bias = fold_head(model.head, temperature=0.7)
    swapped = torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)
    with torch.inference_mode():
        expected = model.head(features) / 0.7
    torch.testing.assert_close(swapped @ weight.T + bias, expected, rtol=1e-4, atol=1e-5)


def test_folding_leaves_the_model_as_it_was() -> None:
    """The head of the model is copied, not changed."""
    model, _ = random_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fold_head(model.head, 0.7)
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
@pytest.mark.parametrize("arch", ["test_resnet", "efficientnet_lite0", "resnet18"])
def test_it_answers_as_the_classifier(arch: str, loss: str, tmp_path: Path) -> None:
    """From its files timm gives the same calibrated probabilities to 1e-5."""
    model, card = random_model(arch, 64, loss=loss)  # type: ignore[arg-type]
    ours = PixelClassifier(model, card.loss, 0.7).answer(PIXELS)
    assert ours.std() > 0.02
    to_timm(model, card, 0.7).write(tmp_path)
    assert measure_parity(ours, TimmClassifier(tmp_path, card.loss).answer(PIXELS), 1e-5).holds


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    """Nothing in the files is random or of the machine."""
    for name in ("one", "other"):
        model, card = random_model(size=64)
        to_timm(model, card, 0.7).write(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["config.json", "model.safetensors", "preprocessor_config.json"]
    for name in files:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "other" / name).read_bytes()
        assert str(tmp_path).encode() not in content


def test_transformers_is_told_what_bce_means(tmp_path: Path) -> None:
    """With bce the pipeline must take a sigmoid, which the problem's type says."""
    for loss in ("cross_entropy", "bce"):
        model, card = random_model(size=64, loss=loss)
        to_timm(model, card, 1.0).write(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text("utf-8"))
        problem = "multi_label_classification" if loss == "bce" else None
        assert config.get("problem_type") == problem
        assert config["label_names"] == CLASS_NAMES


@pytest.mark.parametrize(
    ("arch", "options", "reason"),
    [
        ("test_resnet", {"head": "fastai"}, "two layers"),
        ("efficientnet_lite0", {"cut": 16}, "cut"),
        ("mobilenet_v2", {}, "not one of timm"),  # of torchvision
        ("test_vit", {"size": 160}, "gives a map"),
        ("test_convnext", {}, "cannot pool"),
        ("mobilenetv3_small_050", {}, "other layers behind its map"),
    ],
)
def test_what_timm_cannot_say_has_a_reason(
    arch: str, options: dict[str, object], reason: str
) -> None:
    """A model that no network of timm's equals is refused with the reason, never approximated."""
    model, card = random_model(arch, **{"size": 64, **options})  # type: ignore[arg-type]
    with pytest.raises(NotExact, match=reason):
        to_timm(model, card, 1.0)


def test_a_network_that_computes_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tensors that fit are not enough: the activations of timm's network are compared too."""

    def unswapped(head: nn.Module, temperature: float) -> tuple[Tensor, Tensor]:
        weight, bias = fold_head(head, temperature)
        return weight.roll(weight.shape[1] // 2, dims=1), bias

    model, card = random_model(size=64)
    monkeypatch.setattr("stages.forms.timm_folder.fold_head", unswapped)
    with pytest.raises(NotExact, match="does more behind its map"):
        to_timm(model, card, 1.0)


def test_its_own_reading_reduces_a_photo_once(tmp_path: Path) -> None:
    """It takes the centre square of a photo, upright, at the size of the model."""
    model, card = random_model(size=64)
    to_timm(model, card, 1.0).write(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), (255, 0, 9)).save(tmp_path / "a.png", exif=exif)
    pixels = TimmClassifier(tmp_path, card.loss).pixels(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels, np.full((64, 64, 3), (255, 0, 9), "float32"))


@pytest.mark.slow
def test_timm_alone_loads_it(tmp_path: Path) -> None:
    """A process that cannot import Finetrack gets the same answers and the class names."""
    model, card = random_model("efficientnet_lite0", 64)
    to_timm(model, card, 0.7).write(tmp_path / "model")
    images = (PIXELS / 255 - np.array(model.mean)) / np.array(model.std)
    np.save(tmp_path / "images.npy", images.transpose(0, 3, 1, 2).astype("float32"))
    files = [str(tmp_path / name) for name in ("model", "images.npy", "answers.npy")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_TIMM, *files],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == CLASS_NAMES
    ours = PixelClassifier(model, card.loss, 0.7).answer(PIXELS)
    assert measure_parity(ours, np.load(tmp_path / "answers.npy"), 1e-5).holds
