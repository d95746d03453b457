"""What a model has seen is told only where the files of the project are those of that model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.base.files import sha256_file
from stages.dataset.inseparable import write_groups
from stages.evaluate.known_photos import (
    KnownPhotos,
    UnknownPhotos,
    find_known_photos,
    stored_quality,
)
from stages.stats.predictions import write_predictions
from tests.evaluate.example_evaluation import (
    FILES,
    PRESIZE,
    SPLITS,
    write_known_project,
    write_lock,
)
from tests.predict.small_model import make_model


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project in which everything belongs together; it is the working folder."""
    write_known_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def known() -> KnownPhotos | UnknownPhotos:
    """Return the known photos of the model in its place."""
    return find_known_photos(FILES, sha256_file(Path(FILES.card)))


def test_every_photo_has_its_side(project: Path) -> None:
    """Photos come with content, hash and side, validation photos with their properties."""
    found = known()
    assert isinstance(found, KnownPhotos)
    assert found.photos["split"].tolist() == list(SPLITS)
    assert found.photos["sha256"].tolist() == [
        sha256_file(project / "data" / "photos" / path) for path in found.photos["path"]
    ]
    assert (found.photos["phash"].str.len() == 64).all()
    properties = found.validation_properties()
    assert properties.index.tolist() == ["4.jpg", "5.jpg", "6.jpg"]
    assert properties["size"].tolist() == [120, 120, 120]


def test_validation_photos_have_their_groups(project: Path) -> None:
    """Where two of them share one; a run of an earlier version, which knew none, has none."""
    found = known()
    assert isinstance(found, KnownPhotos)
    assert found.predictions.groups is None
    named = pd.DataFrame({"path": ["4.jpg", "6.jpg"], "group": "ben"})
    write_groups(Path(FILES.groups), named)
    write_lock(project)
    found = known()
    assert isinstance(found, KnownPhotos)
    assert found.predictions.groups is not None
    assert found.predictions.groups.tolist() == [0, 1, 0]
    lock = json.loads(Path(FILES.lock).read_text())
    interpret = lock["stages"]["interpret"]
    interpret["deps"] = [one for one in interpret["deps"] if one["path"] != FILES.groups]
    Path(FILES.lock).write_text(json.dumps(lock))
    Path(FILES.groups).unlink()
    found = known()
    assert isinstance(found, KnownPhotos)
    assert found.predictions.groups is None


def test_a_run_meanwhile_changes_no_probabilities(project: Path) -> None:
    """Photos are answered for hours; what was read before that is there afterwards."""
    found = known()
    assert isinstance(found, KnownPhotos)
    before = np.array(found.predictions.pred_probs)
    write_predictions(FILES.predictions, replace(found.predictions, pred_probs=1 - before))
    assert np.array_equal(np.asarray(found.predictions.pred_probs), before)


def test_a_model_of_elsewhere_is_not_known(project: Path) -> None:
    """Another card than that of the project says nothing of what the project trained on."""
    found = find_known_photos(FILES, "5" * 64)
    assert isinstance(found, UnknownPhotos)
    assert "not that of this project" in found.reason


@pytest.mark.parametrize("name", ["splits", "images", "predictions", "groups", "card"])
def test_a_file_of_another_run_is_noticed(project: Path, name: str) -> None:
    """A split, manifest, prediction or model that is not the one of dvc.lock makes it unknown."""
    file = Path(getattr(FILES, name))
    file.write_bytes(file.read_bytes() + b"\n")
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert str(file) in found.reason


@pytest.mark.parametrize("name", ["splits", "images", "predictions", "groups", "lock"])
def test_a_missing_file_is_noticed(project: Path, name: str) -> None:
    """Without one of the files nobody can tell, and it is named."""
    file = Path(getattr(FILES, name))
    file.unlink()
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert str(file) in found.reason


def test_a_store_of_other_photos_is_noticed(project: Path) -> None:
    """A photo of the split that the store lacks makes it unknown, whatever dvc.lock says."""
    file = Path(FILES.images)
    table = pd.read_csv(file, dtype=str)
    table.loc[2, "sha256"] = "5" * 64
    table.to_csv(file, index=False)
    write_lock(project)
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert "data/presized has other photos" in found.reason


def test_a_damaged_store_is_noticed(project: Path) -> None:
    """A store that cannot be opened is a reason, and no failure."""
    (project / FILES.store / "index.csv").write_text("damaged")
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert "index.csv is missing or damaged" in found.reason


def test_a_model_trained_since_is_noticed(project: Path) -> None:
    """Where the model is newer than the run in dvc.lock, what it saw is not known."""
    make_model(project / "data" / "model", seed=9)
    lines = Path(FILES.card).read_text().replace('"seed": 1', '"seed": 9')
    Path(FILES.card).write_text(lines)
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert "not the one that interpret read" in found.reason


def change_lock(change: dict[str, Any]) -> None:
    """Write over what presize has in dvc.lock."""
    content = json.loads(Path(FILES.lock).read_text())
    content["stages"]["presize"] |= change
    Path(FILES.lock).write_text(json.dumps(content))


def presized_with(**changed: Any) -> dict[str, Any]:
    """Return the params of presize in dvc.lock, some of them changed."""
    return {"params": {"params.yaml": {"presize": PRESIZE | changed}}}


def test_the_quality_is_that_of_the_store(project: Path) -> None:
    """It is the one of dvc.lock, whatever params.yaml says by now; raw pixels have none."""
    change_lock(presized_with(quality=71))
    assert stored_quality(FILES.lock) == 71
    change_lock(presized_with(format="raw"))
    assert stored_quality(FILES.lock) is None
    Path(FILES.lock).write_text("damaged")
    assert stored_quality(FILES.lock) is None
    Path(FILES.lock).unlink()
    assert stored_quality(FILES.lock) is None


def test_photos_presized_since_the_training_are_noticed(project: Path) -> None:
    """Where presize ran again by itself, its store is not what the model was trained with."""
    change_lock({"outs": [{"path": FILES.store, "md5": f"{5:032}.dir"}]})
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert "data/presized is not the one that the model was trained with" in found.reason


@pytest.mark.parametrize("changed", [{"size": 64}, {"format": "raw"}])
def test_a_store_of_other_params_is_noticed(project: Path, changed: dict[str, Any]) -> None:
    """A store in its place that was made otherwise than dvc.lock says makes it unknown."""
    change_lock(presized_with(**changed))
    found = known()
    assert isinstance(found, UnknownPhotos)
    assert "data/presized was made by other params than dvc.lock says" in found.reason
