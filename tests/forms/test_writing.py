"""Writing forms into a folder: each is compared from its file, and one that differs is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.forms.onnx_classifier import OnnxClassifier
from stages.forms.reference import checked_photos, original_pixels
from stages.forms.timm_folder import to_timm
from stages.forms.writing import (
    FinishedModel,
    evenly_spaced,
    remove_forms,
    write_int8,
    write_onnx,
    write_timm,
)
from stages.model.files import load_model
from stages.stats.confidence import find_confidence
from stages.stats.predictions import Predictions
from stages.store.reader import Store
from tests.forms.export_project import (
    example_metrics,
    example_predictions_of,
    write_export_project,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder with model.onnx in export/."""
    root = tmp_path_factory.mktemp("writing")
    write_export_project(root)
    write_onnx(root / "export", source_of(root))
    return root


def source_of(root: Path) -> FinishedModel:
    """Return the project's model with ten of its photos."""
    model, card = load_model(root / "data/model")
    confidence = find_confidence(example_metrics(root))
    paths = example_predictions_of(root).paths.tolist()[:10]
    store = Store(root / "data/presized")
    photos = checked_photos(model, card, store, paths, confidence.temperature)
    return FinishedModel(
        model=model,
        card=card,
        confidence=confidence,
        photos=photos,
        originals=photos.as_read_by(original_pixels(root / "photos", card)),
        folder_of_photos=root / "photos",
        weights_sha256="ab" * 32,
        card_sha256="cd" * 32,
    )


def other_answers(source: FinishedModel) -> FinishedModel:
    """Return a source whose photos should be answered a little otherwise."""
    photos = replace(source.photos, answers=np.clip(source.photos.answers + 2e-4, 0, 1))
    return replace(source, photos=photos)


def predictions_of(root: Path, source: FinishedModel) -> Predictions:
    """Return the project's predictions with targets that the model has all right."""
    predictions = example_predictions_of(root)
    form = source.classifier()
    pixels = np.stack([source.photos.pixels(path) for path in predictions.paths])
    return replace(predictions, targets=form.answer(pixels).argmax(axis=1))


def test_onnx_is_measured_on_both_kinds_of_photos(project: Path, tmp_path: Path) -> None:
    """The form says its size, and its parity on stored photos and on those that came."""
    form = write_onnx(tmp_path, source_of(project))
    assert (form.file, form.size) == ("model.onnx", (tmp_path / "model.onnx").stat().st_size)
    assert form.presized.images == 10
    assert form.presized.largest < 1e-5
    assert form.originals is not None
    assert form.originals.images == 10


def test_timm_is_measured_as_it_reads_photos_itself(project: Path, tmp_path: Path) -> None:
    """Its parity on photos that came includes that timm reduces them once."""
    source = source_of(project)
    folder = to_timm(source.model, source.card, source.confidence.temperature)
    form = write_timm(tmp_path, folder, source)
    assert form.presized.largest < 1e-5
    assert form.originals is not None
    assert form.originals.largest > 3 * form.presized.largest


def test_a_form_that_answers_otherwise_is_refused(project: Path, tmp_path: Path) -> None:
    """Where a probability is off by more than the bound, the error names the file."""
    source = other_answers(source_of(project))
    with pytest.raises(UserError, match=r"model\.onnx: of 10 validation photos"):
        write_onnx(tmp_path, source)
    folder = to_timm(source.model, source.card, source.confidence.temperature)
    with pytest.raises(UserError, match=r"model\.safetensors: of 10 validation photos"):
        write_timm(tmp_path, folder, source)


def test_8_bits_that_are_not_worse_are_kept(project: Path) -> None:
    """Where the paired test does not say worse, the file is there, without thresholds."""
    source = source_of(project)
    form, test = write_int8(project / "export", source, predictions_of(project, source))
    assert test.verdict == "cannot tell"
    assert form is not None
    path = project / "export" / form.file
    assert form.size == path.stat().st_size
    assert OnnxClassifier(path).facts.thresholds == {"95": None, "99": None}
    assert OnnxClassifier(path).facts.calibrated is False


def test_8_bits_that_are_worse_are_not_kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in 8 bits that errs more leaves no file, and the test that says so."""
    source = source_of(project)
    predictions = predictions_of(project, source)
    wrong: np.ndarray = np.eye(3, dtype="float32")[(predictions.targets + 1) % 3]
    right = OnnxClassifier.answer

    def answer(form: OnnxClassifier, pixels: np.ndarray) -> np.ndarray:
        if form.path.name == "model.int8.onnx":
            return wrong[: len(pixels)]
        answers: np.ndarray = right(form, pixels)
        return answers

    monkeypatch.setattr(OnnxClassifier, "answer", answer)
    form, test = write_int8(project / "export", source, predictions)
    assert (form, test.verdict) == (None, "worse")
    assert not (project / "export" / "model.int8.onnx").exists()


def test_only_what_an_earlier_run_wrote_is_removed(tmp_path: Path) -> None:
    """Files of other names stay; a folder that is not there yet is no error."""
    for name in ("README.md", "model.onnx", "model.int8.onnx", "config.json", "notes.txt"):
        (tmp_path / name).write_text(name)
    remove_forms(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    remove_forms(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("length", "count", "rows"),
    [(5, 3, [0, 2, 4]), (3, 64, [0, 1, 2]), (1, 64, [0]), (0, 64, []), (100, 2, [0, 99])],
)
def test_photos_are_spaced_evenly(length: int, count: int, rows: list[int]) -> None:
    """First and last are among them, none twice, and all where there are fewer."""
    names = [str(row) for row in range(length)]
    assert evenly_spaced(names, count) == [names[row] for row in rows]
