"""What a past page is drawn from; drawing it is tested with the whole pipeline."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.compare.dvc_lock import DvcLock, read_lock
from stages.compare.git import GitHistory, Revision
from stages.compare.redraw_page import cached_inputs, redraw_page
from tests.compare.example_history import ExampleHistory, lock_entry

PAGE = "reports/index.html"


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository whose interpret read a cached file, a file in a folder, and one of git.

    The source data/photos is no output of a stage.
    """
    history = ExampleHistory(tmp_path / "repo")
    (history.root / "reports").mkdir()
    (history.root / "reports/metrics.json").write_text("{}\n")
    store = history.put_folder_in_cache({"index.csv": history.put_in_cache(b"path\n")})
    outs = {
        "data/predictions.npz": history.put_in_cache(b"predictions"),
        "data/presized": store,
        "reports/metrics.json": "0" * 32,
        "data/model": "1" * 32,
    }
    used = {
        **{path: outs[path] for path in ("data/predictions.npz", "reports/metrics.json")},
        "data/presized/index.csv": "2" * 32,
        "data/photos": "3" * 32,
    }
    history.write_lock(
        {
            "fine_tune": lock_entry({}, {}, {}, outs),
            "interpret": lock_entry(used, {}, {}, {PAGE: "4" * 32}),
        }
    )
    history.commit("v1")
    return history


def opened(history: ExampleHistory) -> tuple[GitHistory, Revision, DvcLock]:
    """Return the history, its revision v1, and the lock of that."""
    git_history = GitHistory(history.root)
    (revision,) = git_history.resolve("v1")
    lock = read_lock(git_history.read(revision, "dvc.lock"), "dvc.lock")
    assert lock is not None
    return git_history, revision, lock


def test_the_inputs_are_the_cached_outputs_that_the_page_shows(history: ExampleHistory) -> None:
    """An output that contains what is read counts whole; what git has and sources do not count."""
    inputs = cached_inputs(*opened(history), history.cache)
    assert inputs == ["data/predictions.npz", "data/presized"]


def test_what_the_cache_lacks_is_named(history: ExampleHistory) -> None:
    """Before anything is drawn, the error names what is missing and what brings it."""
    name = history.put_in_cache(b"predictions")
    (history.cache.folder / "files/md5" / name[:2] / name[2:]).unlink()
    with pytest.raises(UserError, match=r"lacks data/predictions\.npz of v1; dvc fetch"):
        redraw_page(*opened(history), history.cache, PAGE)


def test_a_failure_is_one_line(history: ExampleHistory) -> None:
    """Where the past commit cannot be drawn, the error is the last line of the command."""
    with pytest.raises(UserError, match="dvc cache failed: ") as error:
        redraw_page(*opened(history), history.cache, PAGE)
    assert "\n" not in str(error.value)


def test_a_run_without_the_stage_is_named(history: ExampleHistory) -> None:
    """Where dvc.lock has no interpret, the page cannot be drawn, and the error names the run."""
    history.write_lock({"fine_tune": lock_entry({}, {}, {}, {PAGE: "4" * 32})})
    history.commit("other")
    git_history, _, _ = opened(history)
    (revision,) = git_history.resolve("other")
    lock = read_lock(git_history.read(revision, "dvc.lock"), "dvc.lock")
    assert lock is not None
    with pytest.raises(UserError, match=r"dvc\.lock of other has no stage interpret"):
        cached_inputs(git_history, revision, lock, history.cache)
