"""The stage export, run as DVC runs it, and its folder used by people who have no Finetrack."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stages.forms.pixel_classifier import PixelClassifier
from stages.forms.reference import checked_photos
from stages.model.files import load_model
from stages.stats.confidence import find_confidence
from stages.store.reader import Store
from tests.example_results import REPOSITORY
from tests.forms.export_project import (
    LABELS,
    example_metrics,
    write_export_project,
)
from tests.tiny_repo import hashes

pytestmark = pytest.mark.slow


def run_export(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the stage in a project folder, whether it fails or not."""
    return subprocess.run(
        [sys.executable, "-m", "stages.export"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder after the stage has run, with every form."""
    root = tmp_path_factory.mktemp("export")
    write_export_project(root)
    params = root / "params.yaml"
    params.write_text(params.read_text("utf-8").replace("int8: false", "int8: true"), "utf-8")
    done = run_export(root)
    assert done.returncode == 0, done.stderr
    return root


def code_blocks(project: Path) -> list[str]:
    """Return the Python of the card: photo_pixels, then a program for each library."""
    card = (project / "data/export/README.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


def run_elsewhere(python: Path | str, code: str, folder: Path, *arguments: str) -> list[str]:
    """Run code in a process that does not find Finetrack, in that folder; return its lines."""
    done = subprocess.run(
        [str(python), "-c", f"{code}\nassert 'stages' not in sys.modules\n", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def answers_of(lines: Sequence[str]) -> dict[str, float]:
    """Return class -> probability from the lines that the card's programs print."""
    pairs = (line.split(" ", 1) for line in lines)
    return {name: float(probability) for probability, name in pairs}


def finetrack_answers(project: Path, path: str) -> dict[str, float]:
    """Return class -> calibrated probability of a photo, by Finetrack."""
    model, card = load_model(project / "data/model")
    metrics = example_metrics(project)
    confidence = find_confidence(metrics)
    store = Store(project / "data/presized")
    photos = checked_photos(model, card, store, [path], confidence.temperature)
    return dict(zip(card.class_names, photos.answers[0].tolist(), strict=True))


def test_it_says_what_it_wrote(project: Path) -> None:
    """The folder holds every form and the card, and a second run writes the same bytes."""
    before = hashes(project / "data/export")
    assert sorted(before) == [
        "README.md",
        "config.json",
        "model.int8.onnx",
        "model.onnx",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    done = run_export(project)
    lines = done.stdout.splitlines()
    assert re.fullmatch(
        r"data/export/model\.onnx: \d\.\d MB, the same class on 24 of 24 photos, within .*;"
        r" [\d,]+ photos/s on this processor, and torch [\d,]+",
        lines[0],
    )
    assert lines[-1] == "The model card: data/export/README.md"
    assert done.stderr == ""
    assert hashes(project / "data/export") == before


def test_the_lines_for_onnxruntime_work_elsewhere(project: Path) -> None:
    """Pillow, numpy and onnxruntime alone give a photo the class and confidence it has here."""
    pixels, program, *_ = code_blocks(project)
    photo = project / "photos" / "photo 00003.jpg"
    code = f"import sys\n{pixels}\n{program}"
    assert "torch" not in code
    theirs = answers_of(run_elsewhere(sys.executable, code, project / "data/export", str(photo)))
    ours = finetrack_answers(project, photo.name)
    assert theirs == pytest.approx(ours, abs=2e-6)
    assert next(iter(theirs)) == max(ours, key=lambda name: ours[name])


@pytest.mark.thorough  # tests/forms/test_timm_folder.py loads the folder
def test_the_lines_for_timm_work_elsewhere(project: Path) -> None:
    """The same with timm, which knows the class names, whatever characters they have."""
    pixels, _, program, *_ = code_blocks(project)
    photo = project / "photos" / "photo 00007.jpg"
    code = f"{pixels}\n{program}"
    theirs = answers_of(run_elsewhere(sys.executable, code, project / "data/export", str(photo)))
    assert theirs == pytest.approx(finetrack_answers(project, photo.name), abs=2e-6)
    assert set(theirs) == set(LABELS)


@pytest.fixture(scope="module")
def transformers_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with transformers beside this environment, or skip where there is none."""
    folder = tmp_path_factory.mktemp("transformers")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    own = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (packages / "own.pth").write_text(str(own))
    wanted = ["transformers==5.24.0", "tokenizers", "typer", "annotated-doc", "shellingham"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    done = subprocess.run(
        [*pip, "--target", str(packages), *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"transformers cannot be installed: {done.stderr.strip()[-200:]}")
    return folder / "bin" / "python"


@pytest.mark.thorough  # it installs transformers from the package index
def test_the_lines_for_transformers_work_elsewhere(
    project: Path, transformers_python: Path
) -> None:
    """Its pipeline loads the folder and answers as near as the card says, since it reduces once."""
    *_, program = code_blocks(project)
    photo = project / "photos" / "photo 00011.jpg"
    folder = project / "data/export"
    theirs = answers_of(run_elsewhere(transformers_python, program, folder, str(photo)))
    card = (folder / "README.md").read_text("utf-8")
    largest = re.findall(r"reduced once \| \d+ \| \d+ \| \S+ \| (\S+) \|", card)
    assert theirs == pytest.approx(finetrack_answers(project, photo.name), abs=2 * float(*largest))
    assert set(theirs) == set(LABELS)


def test_the_metadata_are_those_of_the_model(project: Path) -> None:
    """The checksum in the file is that of the weights, and the thresholds are the card's."""
    import onnxruntime

    file = project / "data/export/model.onnx"
    facts = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    weights = hashes(project / "data/model")["model.safetensors"]
    assert facts["weights_sha256"] == weights
    confidence = find_confidence(example_metrics(project))
    assert json.loads(facts["thresholds"]) == confidence.thresholds
    assert json.loads(facts["class_names"]) == LABELS


@pytest.mark.thorough  # every other run of the tiny project is without
def test_without_onnx_there_is_a_card(tmp_path: Path) -> None:
    """A cut model with onnx switched off leaves the card alone, which says why."""
    write_export_project(tmp_path, arch="test_resnet", head="fastai")
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text("utf-8").replace("onnx: true", "onnx: false"), "utf-8")
    done = run_export(tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(hashes(tmp_path / "data/export")) == ["README.md"]
    assert "No folder for timm: its head has two layers" in done.stdout


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    """Without the model the stage says which stage makes it, without a traceback."""
    write_export_project(tmp_path)
    (tmp_path / "data/model/model.safetensors").unlink()
    done = run_export(tmp_path)
    assert done.returncode == 1
    assert "make repro" in done.stderr
    assert "Traceback" not in done.stderr


def test_pixels_of_any_photo_have_the_size_of_the_model(project: Path) -> None:
    """The card's function gives what the model takes."""
    namespace: dict[str, object] = {}
    exec(code_blocks(project)[0], namespace)
    photo_pixels = namespace["photo_pixels"]
    pixels = photo_pixels(project / "photos" / "photo 00000.jpg", 160, 32)  # type: ignore[operator]
    model, card = load_model(project / "data/model")
    answers = PixelClassifier(model, card.loss, 1.0).answer(pixels[None])
    assert answers.sum() == pytest.approx(1, abs=1e-5)
    assert np.isfinite(answers).all()
