"""The cluster: who does the work, as FINETRACK_EXECUTOR says, and the mark of a run."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.cluster.cluster import open_workers
from tests.cluster import tasks
from tests.cluster.thread_engine import ThreadEngine, cluster_of, work_of


def test_without_an_executor_the_work_is_done_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unset and `local` give the number of processes, and leave nothing behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "3")
    for value in ("", "local"):
        monkeypatch.setenv("FINETRACK_EXECUTOR", value)
        with open_workers(print, "data/photos") as workers:
            assert workers == 3
    assert list(tmp_path.iterdir()) == []


def test_an_executor_that_does_not_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line has the remedy, be Dask missing or its scheduler, and no mark is left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_EXECUTOR", "dask:none.json")
    remedy = pytest.raises(UserError, match=r"^FINETRACK_EXECUTOR.*(pip install|dask scheduler)")
    with remedy, open_workers(print, "data/photos"):
        pass
    assert list(tmp_path.glob(".finetrack/cluster/*")) == []


def test_a_run_has_the_facts_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers on this machine are as it is, the known photo included, and answer."""
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"pixels")
    log: list[str] = []
    cluster = cluster_of(ThreadEngine(), tmp_path, log)
    assert cluster.state == ""
    assert dict(cluster.run(work_of(tasks.square, [3], photo=photo))) == {3: 9}
    (tmp_path / "mark" / "a").rmdir()
    assert log == []
