"""The model of a past commit comes from DVC's cache, and so does its report."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.compare.git import GitHistory
from stages.predict.model_files import ModelFiles
from stages.predict.past_model import past_model
from stages.predict.trust import find_trust
from tests.compare.example_history import ExampleHistory
from tests.predict.example_run import FILES, lock_of, metrics

CARD = b"a model card"
TENSORS = b"tensors"


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with a run of a model, tagged v1, and nothing in its work tree after."""
    history = ExampleHistory(tmp_path / "repo")
    objects = {
        "model.json": history.put_in_cache(CARD),
        "model.safetensors": history.put_in_cache(TENSORS),
    }
    folder = history.put_folder_in_cache(objects)
    history.put_in_cache(metrics(1.7))
    write_bytes(history.root / FILES.lock, lock_of(CARD, metrics(1.7), folder))
    history.git("add", "-A")
    history.git("commit", "-qm", "a run")
    history.git("tag", "v1")
    history.git("rm", "-q", FILES.lock)
    history.git("commit", "-qm", "nothing")
    return history


def model_of(history: ExampleHistory, name: str) -> tuple[ModelFiles, dict[str, bytes]]:
    """Return the files of a revision, and the content of its model while it is there."""
    with past_model(GitHistory(history.root), name, history.cache, FILES) as files:
        contents = {file.name: file.read_bytes() for file in files.folder.iterdir()}
    assert not files.folder.exists()
    return files, contents


def test_a_past_model_comes_with_its_report(history: ExampleHistory) -> None:
    """The folder is whole, the trust is that of the run, and the work tree is left alone."""
    files, contents = model_of(history, "v1")
    assert contents == {"model.json": CARD, "model.safetensors": TENSORS}
    assert find_trust(files, FILES, 0.95).temperature == 1.7
    assert "v1" not in files.folder.name
    assert files.folder.name.startswith("model-of-")
    assert history.git("status", "--short").strip() == ""


@pytest.mark.parametrize("name", ["workspace", "HEAD"])
def test_what_is_no_past_run_is_refused(history: ExampleHistory, name: str) -> None:
    """The work tree is no revision, and a commit without dvc.lock has no model."""
    with pytest.raises(UserError, match="names no"):
        model_of(history, name)


def test_a_model_that_the_cache_lacks_has_a_remedy(history: ExampleHistory) -> None:
    """A missing object is named with the revision and how to fetch it; so is a damaged one."""
    name = history.put_in_cache(TENSORS)
    file = history.cache.file(name)
    assert file is not None
    file.chmod(0o644)
    file.write_bytes(b"other bytes")
    with pytest.raises(UserError, match=r"model.safetensors in data/model of v1 is damaged"):
        model_of(history, "v1")
    file.unlink()
    with pytest.raises(UserError, match=r"lacks data/model of v1; dvc fetch --all-commits"):
        model_of(history, "v1")
