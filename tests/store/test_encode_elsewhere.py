"""Photos encoded by workers that share no folder: the store that one machine writes.

Folders of this machine stand for both buckets, and workers are given no other.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from tempfile import gettempdir

import pytest

from stages.base.bucket import Bucket
from stages.base.errors import UserError
from stages.cluster.cluster import Cluster
from stages.cluster.scratch import Scratch, leave
from stages.images.encode import encode
from stages.store import encode_elsewhere as module
from stages.store.encode_elsewhere import EncodeTask, encode_photos
from stages.store.run_shards import run_shards
from stages.store.writer import write_store
from tests.cluster.thread_engine import ThreadEngine
from tests.store import crashing
from tests.store.test_run_shards import GOOD, problems, tasks_of
from tests.store.test_shard import photo
from tests.store.test_writer import PARAMS, add, large_photos, manifest
from tests.tiny_repo import hashes

RUN = f"run-{token_hex(8)}"  # as no other process of this machine names one


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder, with folders for buckets; what is a mark here goes with the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bucket" / RUN).mkdir(parents=True)
    yield tmp_path
    rmtree(Path(gettempdir(), f"finetrack-{RUN}"), ignore_errors=True)


def cluster_of(root: Path, engine: ThreadEngine | None = None) -> Cluster:
    """Return a cluster whose workers are given the folder of a run in a bucket."""
    scratch = Scratch(f"file://{root}/bucket/{RUN}")
    leave(scratch.url, "mark", b"")
    return Cluster(engine or ThreadEngine(), root / "mark", lambda _: None, scratch)


def test_the_store_is_that_of_one_machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards and outcomes are the same, the bucket is left empty, and the cache is full."""
    monkeypatch.setattr(module, "_PHOTOS_A_TASK", 2)
    photos = large_photos(range(9))
    add(root, photos | {"bad.jpg": b"no image", "again.jpg": next(iter(photos.values()))})
    images = manifest(root)
    bucket = Bucket(f"file://{root}/photos")
    here = write_store(images, bucket, Path("here"), Path("own"), PARAMS, 2)
    there = write_store(images, bucket, Path("there"), Path("theirs"), PARAMS, cluster_of(root))
    assert hashes(root / "there") == hashes(root / "here")
    # What the cache has of a photo that was refused, it has without the size.
    assert there.drop(columns="original_bytes").equals(here.drop(columns="original_bytes"))
    assert [file.name for file in (root / "bucket" / RUN).iterdir()] == ["mark"]
    rmtree(root / "photos")  # nothing is asked of it again
    engine = ThreadEngine()
    again = write_store(images, bucket, Path("3"), Path("theirs"), PARAMS, cluster_of(root, engine))
    assert hashes(root / "3") == hashes(root / "here")
    assert again["reused"].all()
    assert engine.given == []


def test_what_crashes_a_decoder_elsewhere_is_rejected_by_name(root: Path) -> None:
    """It costs the other photos of its task nothing: what did not arrive is made here."""
    tasks = tasks_of(root, GOOD | {"bad.jpg": photo(20) + crashing.CRASH})
    bucket = Bucket(f"file://{tasks[0].photos}")
    outcomes = run_shards([replace(task, photos=bucket) for task in tasks], cluster_of(root))
    assert problems(outcomes) == {"bad.jpg": ("crashed the decoder", "SIGSEGV")}
    assert len(outcomes) == len(GOOD) + 1


def test_photos_in_a_folder_are_refused(root: Path) -> None:
    """Workers could not see them, and the remedy is named."""
    add(root, large_photos(range(2)))
    with pytest.raises(UserError, match=r"^FINETRACK_SCRATCH is for photos in a bucket"):
        write_store(manifest(root), Path("photos"), Path("a"), Path("b"), PARAMS, cluster_of(root))


def test_a_photo_that_cannot_be_read_is_an_answer(root: Path) -> None:
    """Another worker may read it; the others of its task are left for the coordinator."""
    add(root, large_photos(range(2)))
    items = tuple((sha256, path) for path, sha256 in manifest(root)[["path", "sha256"]].to_numpy())
    (root / "photos" / items[0][1]).unlink()
    task = EncodeTask(
        items=items,
        photos=Bucket(f"file://{root}/photos"),
        params=PARAMS,
        encode=encode,
        scratch=f"file://{root}/bucket/{RUN}",
        name=f"{RUN}-0",
    )
    leave(task.scratch, "mark", b"")
    assert [fault.path for fault in encode_photos(task)] == [items[0][1]]
    Scratch(task.scratch).take(task.name, root / "cache")
    assert (root / "cache" / items[1][0][:2] / items[1][0][2:]).is_file()
