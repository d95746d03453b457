"""Only what git and dvc.lock agree on counts as a finished run."""

import subprocess
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.compare.dvc_cache import md5_of
from stages.compare.dvc_lock import DvcLock, StageRun
from stages.compare.git import GitHistory, Revision
from stages.predict.finished_run import refuse_other_run, refuse_uncommitted


@pytest.fixture
def history(tmp_path: Path) -> GitHistory:
    """Return a repository with one commit of one file."""
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "A commit"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return GitHistory(tmp_path)


def head(history: GitHistory) -> Revision:
    """Return the last commit."""
    return history.resolve("HEAD")[0]


def lock_of(**content: bytes) -> DvcLock:
    """Return a lock in which fine_tune read or wrote files of these contents, by their stems."""
    data = {f"{stem}.csv": md5_of(value) for stem, value in content.items()}
    return {"fine_tune": StageRun(params={}, packages={}, code={}, data=data, outs={})}


def test_a_changed_file_is_refused_by_name(history: GitHistory) -> None:
    """A file as committed passes; changed, or never committed, it is named with the remedy."""
    refuse_uncommitted(history, head(history), ["params.yaml"])
    (history.root / "params.yaml").write_text("seed: 2\n")
    (history.root / "dvc.lock").write_text("")
    with pytest.raises(UserError, match=r"params\.yaml and dvc\.lock differ .* git commit"):
        refuse_uncommitted(history, head(history), ["params.yaml", "dvc.lock"])


def test_a_file_of_another_run_is_refused(history: GitHistory) -> None:
    """What a stage used passes as dvc.lock has it; other content, or no lock, is refused."""
    (history.root / "splits.csv").write_bytes(b"a")
    used = {"fine_tune": ["splits.csv"]}
    refuse_other_run(history, lock_of(splits=b"a"), used)
    for lock in (lock_of(splits=b"b"), lock_of(), {}, None):
        with pytest.raises(UserError, match=r"splits\.csv is not that of the last run"):
            refuse_other_run(history, lock, used)
