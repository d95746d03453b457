"""The model used on new photos, by the command that people type."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.model.classifier import ModelParams, build_classifier
from stages.model.files import ModelCard, save_model
from stages.tools.predict import answers, read_photo

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a small saved model."""
    classifier = build_classifier(CARD.params, 3, seed=1, size=32)
    save_model(tmp_path / "model", classifier, CARD)
    return tmp_path / "model"


def photo(path: Path, seed: int = 0) -> Path:
    """Write a photo of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def predict(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "stages.tools.predict", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_every_photo_gets_a_line(model: Path, tmp_path: Path) -> None:
    """Each photo is answered with its classes, most probable first, summing to all."""
    names = [photo(tmp_path / "a.jpg"), photo(tmp_path / "b.png", 1)]
    done = predict(*names, "--model", model)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(name) for name in names]
    for line in lines:
        shares = [float(part.split()[-1].rstrip("%")) for part in line.split(": ")[1].split(", ")]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(100, abs=0.3)


@pytest.mark.slow
def test_no_model_is_one_line(tmp_path: Path) -> None:
    """Without a model the command says how to make one, with exit code 1 and no traceback."""
    done = predict(photo(tmp_path / "a.jpg"), "--model", tmp_path / "nothing")
    assert done.returncode == 1
    assert "dvc repro fine_tune" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_photo_is_presized_upright(tmp_path: Path) -> None:
    """A photo on its side is turned, and its shorter side comes down to the presize."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), "red").save(tmp_path / "side.jpg", exif=exif)
    assert read_photo(tmp_path / "side.jpg", 48).shape == (96, 48, 3)


def test_what_is_no_photo_is_named(tmp_path: Path) -> None:
    """A text file is refused by name and problem."""
    (tmp_path / "note.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"note\.jpg: not an image"):
        read_photo(tmp_path / "note.jpg", 48)


def test_bce_may_answer_none() -> None:
    """With bce an image that no class claims is none of these; softmax always picks one."""
    row = np.array([0.1, 0.3, 0.2])
    assert list(answers(row, ["a", "b", "c"], "bce", 1)) == ["none of these", "b 30.0%"]
    assert list(answers(row, ["a", "b", "c"], "cross_entropy", 2)) == ["b 30.0%", "c 20.0%"]
    assert list(answers(np.array([0.1, 0.9]), ["a", "b"], "bce", 1)) == ["b 90.0%"]
