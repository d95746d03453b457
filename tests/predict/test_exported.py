"""The export stands for a model only where it is of that model, and on a processor."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from stages.model.files import load_model, save_model
from stages.predict.exported import exported_model, on_processor
from stages.predict.model_files import ModelFiles, model_in_folder
from tests.predict.example_run import FILES
from tests.predict.small_model import CARD, export_model, make_model


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small model and its export."""
    root = tmp_path_factory.mktemp("project")
    export_model(make_model(root / "model"), 1.7)
    return root


def files_of(folder: Path) -> ModelFiles:
    """Return a model folder without the results of its run."""
    return model_in_folder(folder, FILES)


def test_the_export_of_the_model_is_taken(project: Path) -> None:
    """It is of the same card, which names the tensors, and of the same temperature."""
    found = exported_model(files_of(project / "model"), 1.7)
    assert found is not None
    assert found.facts.temperature == 1.7


def test_the_export_of_another_model_is_not(project: Path, tmp_path: Path) -> None:
    """Neither of another temperature nor of other tensors, nor a damaged one, nor none."""
    assert exported_model(files_of(project / "model"), 1.0) is None
    folder = tmp_path / "model"
    assert exported_model(files_of(folder), 1.7) is None
    make_model(folder, seed=2)
    assert exported_model(files_of(folder), 1.7) is None
    shutil.copytree(project / "export", tmp_path / "export")
    assert exported_model(files_of(folder), 1.7) is None
    shutil.copytree(project / "model", folder, dirs_exist_ok=True)
    assert exported_model(files_of(folder), 1.7) is not None
    (tmp_path / "export/model.onnx").write_bytes(b"damaged")
    assert exported_model(files_of(folder), 1.7) is None


def test_other_names_of_the_same_classes_are_another_model(project: Path, tmp_path: Path) -> None:
    """Where only a class was renamed the tensors are the same, and the export has the old name."""
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    card = replace(CARD, class_names=["cat", "hound", "owl"])
    save_model(tmp_path / "model", load_model(project / "model")[0], card)
    tensors = [root / "model/model.safetensors" for root in (project, tmp_path)]
    assert tensors[0].read_bytes() == tensors[1].read_bytes()
    assert exported_model(files_of(tmp_path / "model"), 1.7) is None


@pytest.mark.parametrize(("device", "expected"), [("cpu", True), ("cuda:1", False), ("mps", False)])
def test_the_device_asked_for_decides(
    device: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where models compute on the processor is an export of use."""
    monkeypatch.setenv("FINETRACK_DEVICE", device)
    assert on_processor() is expected


def test_a_driver_of_a_gpu_means_that_there_may_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a device is named, an installed driver leaves the question to torch."""
    monkeypatch.delenv("FINETRACK_DEVICE", raising=False)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: name)
    assert on_processor() is False

    def no_driver(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", no_driver)
    assert on_processor() is True
