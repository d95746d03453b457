"""What a user names is opened in the form that answers soonest, with the trust in it."""

from pathlib import Path

import onnx
import pytest

from stages.base.errors import UserError
from stages.forms.onnx_classifier import OnnxClassifier
from stages.predict.model_files import model_in_folder
from stages.predict.onnx_photos import OnnxPhotos
from stages.predict.opened_model import open_export, open_model
from stages.predict.torch_classifier import TorchClassifier
from tests.predict.example_run import FILES, metrics, write_run
from tests.predict.small_model import export_model, make_model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a model with the results of its run, a temperature of 1.7, and its export."""
    monkeypatch.setenv("FINETRACK_DEVICE", "cpu")
    folder = make_model(tmp_path / "data" / "model")
    write_run(tmp_path, metrics(1.7))
    export_model(folder, 1.7)
    return folder


def test_on_a_processor_the_export_answers(folder: Path) -> None:
    """It does where the report's temperature is its own; the trust is that of the report."""
    model = open_model(model_in_folder(folder, FILES), FILES, 0.95, "none")
    assert isinstance(model.classifier, OnnxPhotos)
    assert (model.trust.temperature, model.trust.threshold) == (1.7, 0.8)


def test_crops_are_seen_by_torch(folder: Path) -> None:
    """An export sees the centre alone; and the report was made of that, so nothing is known."""
    model = open_model(model_in_folder(folder, FILES), FILES, 0.95, "flip")
    assert isinstance(model.classifier, TorchClassifier)
    assert model.trust.threshold is None


def test_without_an_export_torch_answers(folder: Path) -> None:
    """A model folder alone is enough, and the name of its answers is that of its card."""
    before = open_model(model_in_folder(folder, FILES), FILES, 0.95, "none")
    (folder.parent / "export/model.onnx").unlink()
    model = open_model(model_in_folder(folder, FILES), FILES, 0.95, "none")
    assert isinstance(model.classifier, TorchClassifier)
    assert model.sha256 == before.sha256


def test_an_exported_file_brings_its_own_thresholds(folder: Path) -> None:
    """Alone, without its project, it knows its temperature and from where on it is sure."""
    model = open_export(folder.parent / "export/model.onnx", 0.95)
    assert (model.trust.temperature, model.trust.threshold) == (1.7, 0.7)
    assert model.trust.lines[0] == "confidence is calibrated by a temperature of 1.70"
    unknown = open_export(folder.parent / "export/model.onnx", 0.99).trust
    assert unknown.threshold is None
    assert unknown.lines[1].endswith("the export has none")
    other = file_with(folder, calibrated=False, thresholds={"95": None})
    assert open_export(other, 0.95).trust.lines[0] == "confidence is not calibrated"


def file_with(folder: Path, **changes: object) -> Path:
    """Return the export of a model with other facts in it."""
    file = folder.parent / "export/model.onnx"
    model = onnx.load(file)
    texts = OnnxClassifier(file).facts.model_copy(update=changes).as_text()
    for entry in model.metadata_props:
        entry.value = texts[entry.key]
    other = folder.parent / "other.onnx"
    other.write_bytes(model.SerializeToString())
    return other


def test_an_exported_file_computes_on_no_other_device(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that is asked for is not silently left alone."""
    monkeypatch.setenv("FINETRACK_DEVICE", "cuda")
    with pytest.raises(UserError, match=r"computes on the processor, and FINETRACK_DEVICE=cuda"):
        open_export(folder.parent / "export/model.onnx", 0.95)
