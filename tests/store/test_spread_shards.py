"""Shards on a cluster: the store that one machine writes, whatever becomes of the workers."""

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from stages.base.bucket import photo_folder
from stages.base.errors import UserError
from stages.base.packed import Packed
from stages.store import run_shards as run_shards_module
from stages.store.original import Fault
from stages.store.run_shards import run_shards
from stages.store.shard import progress_in, read_progress
from stages.store.spread_shards import photos_under_way
from stages.store.writer import write_store
from tests.cluster.thread_engine import ThreadEngine, cluster_of
from tests.store import crashing
from tests.store.test_original import packed
from tests.store.test_run_shards import GOOD, problems, tasks_of
from tests.store.test_shard import photo
from tests.store.test_writer import PARAMS, add, large_photos, manifest
from tests.tiny_repo import hashes


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder, whose mark goes when the test ends, and with it all children."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    rmtree(tmp_path / "mark", ignore_errors=True)


def test_the_store_of_a_cluster_is_that_of_one_machine(root: Path) -> None:
    """Shards, index and outcomes have the same bytes, with a cache and without."""
    add(root, large_photos(range(12)) | {"bad.jpg": b"no image"})
    images = manifest(root)
    photos = Path("photos")
    here = write_store(images, photos, Path("here"), Path("own"), PARAMS, 2)
    for _ in range(2):
        cluster = cluster_of(ThreadEngine(), root, [])
        there = write_store(images, photos, Path("there"), Path("theirs"), PARAMS, cluster)
        assert hashes(root / "there") == hashes(root / "here")
        plain = ["path", "sha256", "problem", "shard", "offset", "length", "crc32", "traits"]
        assert there[plain].equals(here[plain])
    assert there["reused"].all()
    assert list(root.glob("theirs/run-*")) == []


def test_a_cluster_reads_tars(root: Path) -> None:
    """Workers get the places of their own photos, and the store is that of the folder."""
    files = large_photos(range(12))
    add(root, files)
    images = manifest(root)
    write_store(images, Path("photos"), Path("here"), Path("own"), PARAMS, 2)
    (root / "tars").mkdir()
    tars = packed(root / "tars", files)
    cluster = cluster_of(ThreadEngine(), root, [])
    relative = Packed(Path("tars"), tars.places)
    write_store(images, relative, Path("there"), Path("theirs"), PARAMS, cluster)
    assert hashes(root / "there") == hashes(root / "here")


@pytest.mark.thorough
def test_a_crash_on_a_worker_rejects_the_photo_as_here(root: Path) -> None:
    """A photo that crashes the decoder twice is a row with the signal, the others are stored."""
    tasks = tasks_of(root, GOOD | {"bad.jpg": photo(20) + crashing.CRASH})
    outcomes = run_shards(tasks, cluster_of(ThreadEngine(), root, []))
    assert problems(outcomes) == {"bad.jpg": ("crashed the decoder", "SIGSEGV")}
    assert len(outcomes) == len(GOOD) + 1
    assert all(task.unfinished.exists() for task in tasks)


@pytest.mark.thorough
def test_a_photo_that_ends_workers_ends_the_run_with_its_name(root: Path) -> None:
    """What the system ends three times is no property of the photo, and becomes no row."""
    tasks = tasks_of(root, GOOD | {"huge.jpg": photo(20) + crashing.KILL})
    with pytest.raises(UserError, match=r"^huge\.jpg: 3 workers ended"):
        run_shards(tasks, cluster_of(ThreadEngine(), root, []))


def test_a_worker_that_ends_once_costs_nothing(root: Path) -> None:
    """The next attempt stores all photos of the shard, and none counts for the bar twice."""
    unlucky = photo(20) + crashing.KILL + bytes(root / "killed")
    tasks = [
        replace(task, items=tuple(sorted(task.items, key=lambda item: item[1] == "unlucky.jpg")))
        for task in tasks_of(
            root, GOOD | {"unlucky.jpg": unlucky}, crashing.encode_or_be_killed_once
        )
    ]
    log: list[str] = []
    outcomes = run_shards(tasks, cluster_of(ThreadEngine(), root, log))
    assert problems(outcomes) == {}
    assert len(outcomes) == len(GOOD) + 1
    assert len(log) == 1
    done = {task.shard: read_progress(task) for task in tasks}
    assert done == {task.shard: (len(task.items), "") for task in tasks}
    (left,) = root.glob("run-1/run-1-1/*.progress")
    assert progress_in(left) == (len(tasks[int(left.stem[-5])].items) - 1, "unlucky.jpg")
    assert photos_under_way(root / "run-1") == 0


class Terminal(io.StringIO):
    """A text in memory that is taken for a terminal, on which bars are shown."""

    def isatty(self) -> bool:
        """Return what a terminal returns."""
        return True


def test_the_bar_counts_photos_and_not_shards(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While two shards are written the bar goes on, with the workers, and ends at all photos."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(run_shards_module, "_SECONDS_ON_A_CLUSTER", 0.2)
    files = {f"{number}.jpg": photo(number) for number in range(16)}
    outcomes = run_shards(
        tasks_of(root, files, crashing.encode_slowly), cluster_of(ThreadEngine(), root, [])
    )
    assert len(outcomes) == 16
    shown = terminal.getvalue()
    counts = {int(count) for count in re.findall(r"(\d+)/16 \[", shown)}
    assert max(counts) == 16
    assert len(counts - {0, 16}) >= 2
    assert "2 workers" in shown


def test_of_two_attempts_at_a_shard_the_further_counts(tmp_path: Path) -> None:
    """Progress is that of each shard once; an answered shard, and a torn file, count nothing."""
    for folder, shard, text in (
        ("run-1-1", "a.tar", "3 x.jpg"),
        ("run-1-2", "a.tar", "2 x.jpg"),
        ("run-1-1", "b.tar", "4 "),
        ("run-1-2", "c.tar", ""),
        ("run-1-1", "d.tar", "5 x.jpg"),
        ("", "d.tar", "9 "),
    ):
        file = tmp_path / "run-1" / folder / f"{shard}.progress"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert photos_under_way(tmp_path / "run-1") == 7
    assert photos_under_way(tmp_path / "absent") == 0


def test_a_photo_that_no_worker_sees_is_a_fault_and_no_row(root: Path) -> None:
    """The outcome is a fault, which makes no store, and the workers are named."""
    tasks = tasks_of(root, GOOD)
    (root / "photos" / "good_1.jpg").unlink()
    log: list[str] = []
    outcomes = run_shards(tasks, cluster_of(ThreadEngine(), root, log))
    assert problems(outcomes) == {"good_1.jpg": (Fault.UNREADABLE, "No such file or directory")}
    assert log == ["good_1.jpg cannot be read by a, b"]


@pytest.mark.thorough
def test_photos_of_a_bucket_are_read_by_the_workers(root: Path) -> None:
    """The store is that of one machine; a photo that is gone from the bucket is a fault."""
    add(root, large_photos(range(6)))
    images = manifest(root)
    bucket = photo_folder(f"file://{root}/photos")
    write_store(images, bucket, Path("here"), Path("own"), PARAMS, 2)
    cluster = cluster_of(ThreadEngine(), root, [])
    write_store(images, bucket, Path("there"), Path("theirs"), PARAMS, cluster)
    assert hashes(root / "there") == hashes(root / "here")
    (root / "photos" / images["path"][0]).unlink()
    with pytest.raises(UserError, match=r"(?s)1 photo in file://.*: unreadable"):
        write_store(images, bucket, Path("new"), Path("empty"), PARAMS, cluster)
