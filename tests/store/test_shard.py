"""A shard: an outcome for each of its photos, and the bytes of those that can be used."""

import io
import os
import tarfile
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.seed import derive
from stages.images.encode import encode
from stages.images.resize import PresizeParams
from stages.store.checksum import checksum
from stages.store.encode_cache import read_logs
from stages.store.original import Fault
from stages.store.shard import (
    PresizeOutcome,
    ShardTask,
    read_progress,
    write_shard,
)
from tests.dataset.test_scan import ordinary_user

PARAMS = PresizeParams(size=24, format="jpeg", quality=92, shards=1, max_rejected=0.05)
RAW = PARAMS.model_copy(update={"format": "raw"})


def photo(seed: int, size: tuple[int, int] = (40, 30), kind: str = "JPEG", **options: Any) -> bytes:
    """Return the bytes of a smooth random picture."""
    coarse = derive(seed, "picture").integers(0, 256, (4, 5, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(buffer, kind, **options)
    return buffer.getvalue()


def task_of(root: Path, files: dict[str, bytes], params: PresizeParams = PARAMS) -> ShardTask:
    """Write photos into a folder; return the task that presizes all of them into one shard."""
    for path, content in files.items():
        file = root / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    scratch = root / "run-1"
    scratch.mkdir(exist_ok=True)
    return ShardTask(
        shard="shard-0000.tar",
        items=tuple(sorted((sha256_bytes(content), path) for path, content in files.items())),
        photos=root / "photos",
        params=params,
        cache=root / "cache",
        log_lines=read_logs(root / "cache"),
        scratch=scratch,
    )


def by_path(outcomes: list[PresizeOutcome]) -> dict[str, PresizeOutcome]:
    """Return the outcomes by path, each path once."""
    found = {outcome.path: outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


def stored_bytes(task: ShardTask, outcome: PresizeOutcome) -> bytes:
    """Return the bytes at the place that an outcome names."""
    content = task.unfinished.read_bytes()
    return content[outcome.offset : outcome.offset + outcome.length]


def test_an_outcome_says_where_the_encoded_bytes_lie(tmp_path: Path) -> None:
    """Offset and length lead to what encode returns, and the facts are encode's."""
    files = {f"{seed}.jpg": photo(seed) for seed in range(5)}
    task = task_of(tmp_path, files)
    outcomes = by_path(write_shard(task))
    for path, content in files.items():
        encoded = encode(content, PARAMS)
        outcome = outcomes[path]
        assert stored_bytes(task, outcome) == encoded.content
        assert outcome.crc32 == checksum(encoded.content or b"")
        assert (outcome.width, outcome.height) == (encoded.width, encoded.height) == (32, 24)
        assert outcome.phash == encoded.phash
        assert outcome.original_bytes == len(content)
        assert (outcome.problem, outcome.passed_through, outcome.reused) == ("", False, False)


def test_a_small_jpeg_passes_through(tmp_path: Path) -> None:
    """The shard has the original's own bytes, now and when the cache knows the photo."""
    small = photo(1, (30, 20))
    for reused in (False, True):
        task = task_of(tmp_path, {"small.jpg": small})
        (outcome,) = write_shard(task)
        assert stored_bytes(task, outcome) == small
        assert (outcome.passed_through, outcome.reused) == (True, reused)


@pytest.mark.parametrize(("params", "suffix"), [(PARAMS, "jpg"), (RAW, "ppm")])
def test_members_are_named_by_hash_and_format(
    tmp_path: Path, params: PresizeParams, suffix: str
) -> None:
    """The tar file has one member per content, named by its SHA-256, in the order of the items."""
    task = task_of(tmp_path, {f"{seed}.jpg": photo(seed) for seed in range(4)}, params)
    write_shard(task)
    with tarfile.open(task.unfinished) as tar:
        names = tar.getnames()
    assert names == [f"{sha256}.{suffix}" for sha256, _ in task.items]


def test_duplicates_share_their_bytes_and_have_traits_of_their_own(tmp_path: Path) -> None:
    """Of one content under two names the bytes are stored once; one name has a wrong extension."""
    same = photo(1)
    task = task_of(tmp_path, {"a.jpg": same, "b.png": same})
    outcomes = by_path(write_shard(task))
    with tarfile.open(task.unfinished) as tar:
        assert len(tar.getnames()) == 1
    assert outcomes["a.jpg"].offset == outcomes["b.png"].offset
    assert outcomes["a.jpg"].traits == ()
    assert outcomes["b.png"].traits == ("wrong extension",)


def test_a_photo_that_cannot_be_decoded_is_an_outcome(tmp_path: Path) -> None:
    """Its problem has a name, nothing of it is stored, and the others are."""
    task = task_of(tmp_path, {"bad.jpg": b"no image", "good.jpg": photo(1)})
    outcomes = by_path(write_shard(task))
    assert outcomes["bad.jpg"].problem == "not an image"
    assert outcomes["bad.jpg"].detail
    assert (outcomes["bad.jpg"].shard, outcomes["bad.jpg"].length) == ("", 0)
    assert outcomes["bad.jpg"].original_bytes == len(b"no image")
    assert outcomes["good.jpg"].shard == "shard-0000.tar"


def test_a_photo_that_is_not_as_ingest_found_it_is_a_fault(tmp_path: Path) -> None:
    """Another content than the manifest's, and a missing file, say nothing of the photo."""
    task = task_of(tmp_path, {"changed.jpg": photo(1), "gone.jpg": photo(2)})
    (tmp_path / "photos" / "changed.jpg").write_bytes(photo(3))
    (tmp_path / "photos" / "gone.jpg").unlink()
    outcomes = by_path(write_shard(task))
    assert {outcome.problem for outcome in outcomes.values()} == {""}
    changed, gone = outcomes["changed.jpg"], outcomes["gone.jpg"]
    assert (changed.fault, changed.detail) == (Fault.CHANGED, "its content is another")
    assert (gone.fault, gone.detail) == (Fault.UNREADABLE, "No such file or directory")


@pytest.mark.parametrize("cached", [False, True])
def test_a_photo_that_became_a_pipe_is_not_waited_for(tmp_path: Path, cached: bool) -> None:
    """What is no file any more changed since ingest, whether the cache has the photo or not."""
    task = task_of(tmp_path, {"pipe.jpg": photo(1, kind="PNG")})
    if cached:
        write_shard(task)
    (tmp_path / "photos" / "pipe.jpg").unlink()
    os.mkfifo(tmp_path / "photos" / "pipe.jpg")
    with Pool(1) as pool:
        [outcome] = pool.apply_async(write_shard, (task,)).get(timeout=60)
    assert (outcome.fault, outcome.detail) == (Fault.CHANGED, "it is no file any more")


def test_a_photo_without_the_right_to_read_it_is_a_fault() -> None:
    """A right that is missing is the account's, so the photo is not rejected for it."""
    with TemporaryDirectory() as name:
        root = Path(name)
        task = task_of(root, {"a.jpg": photo(1), "b.jpg": photo(2)})
        (root / "photos" / "a.jpg").chmod(0)
        for folder in (root, root / "run-1"):
            folder.chmod(0o777)
        with ordinary_user():
            outcomes = by_path(write_shard(task))
    a = outcomes["a.jpg"]
    assert (a.problem, a.fault, a.detail) == ("", Fault.UNREADABLE, "Permission denied")
    assert outcomes["b.jpg"].shard


@pytest.mark.parametrize("files", [{}, {"bad.jpg": b"no image"}])
def test_a_shard_without_images_leaves_no_file(tmp_path: Path, files: dict[str, bytes]) -> None:
    """With nothing to store there is no tar file to move into the store."""
    task = task_of(tmp_path, files)
    assert len(write_shard(task)) == len(files)
    assert not task.unfinished.exists()


def test_a_second_run_reuses_every_result(tmp_path: Path) -> None:
    """From the cache come encoded photos, photos passed through and refusals, in equal bytes."""
    files = {"large.jpg": photo(1), "small.jpg": photo(2, (30, 20)), "bad.jpg": b"no image"}
    first_task = task_of(tmp_path, files)
    first = write_shard(first_task)
    content = first_task.unfinished.read_bytes()
    second_task = replace(task_of(tmp_path, files), scratch=tmp_path / "run-2")
    second_task.scratch.mkdir()
    second = write_shard(second_task)
    assert [outcome.reused for outcome in first] == [False] * 3
    assert second == [replace(outcome, reused=True) for outcome in first]
    assert second_task.unfinished.read_bytes() == content
    # The logs of earlier runs are pruned, so this run's log has their lines again.
    log = (tmp_path / "cache" / "logs" / second_task.log).read_text()
    assert len(log.splitlines()) == 2


def test_an_encoded_original_is_not_read_again(tmp_path: Path) -> None:
    """Where the cache has the encoded bytes, only the size of the original is asked for."""
    files = {"large.jpg": photo(1)}
    task = task_of(tmp_path, files)
    (first,) = write_shard(task)
    (tmp_path / "photos" / "large.jpg").write_bytes(b"other bytes")
    (second,) = write_shard(task)
    assert second == replace(first, reused=True, original_bytes=len(b"other bytes"))


def test_progress_counts_photos_and_names_none_at_the_end(tmp_path: Path) -> None:
    """After the last photo the progress file has the count of all and no path."""
    task = task_of(tmp_path, {"a.jpg": photo(1), "bad.jpg": b"no image"})
    assert read_progress(task) == (0, "")
    write_shard(task)
    assert read_progress(task) == (2, "")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", (0, "")),
        (b"3 sub/a b.jpg", (3, "sub/a b.jpg")),
        (b"3 ", (3, "")),
        (b"x y", (0, "")),
        (b"1 \xff.jpg", (1, os.fsdecode(b"\xff.jpg"))),
    ],
)
def test_progress_of_a_worker_that_died(
    tmp_path: Path, content: bytes, expected: tuple[int, str]
) -> None:
    """Half a line is no progress, and a path may have spaces and bytes that are no text."""
    task = task_of(tmp_path, {})
    task.progress_file.write_bytes(content)
    assert read_progress(task) == expected


def test_a_shorter_path_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    """Each line of progress replaces the one before, whatever their lengths."""
    names = ["a_very_long_name_of_a_photo_indeed.jpg", "b.jpg"]
    files = {name: photo(seed) for seed, name in enumerate(names)}
    task = task_of(tmp_path, files)
    write_shard(task)
    assert task.progress_file.read_bytes() == b"2 "


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Without its scratch folder a shard is a UserError that names the folder."""
    task = replace(task_of(tmp_path, {"a.jpg": photo(1)}), scratch=tmp_path / "none")
    with pytest.raises(UserError, match=r"none cannot be written: No such file or directory"):
        write_shard(task)


def test_a_cache_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where only the folder of the logs is at fault, the error names the log, not the shard."""
    task = task_of(tmp_path, {"a.jpg": photo(1, size=(24, 24))})
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "logs").write_text("a file")
    with pytest.raises(UserError, match=rf"cache/logs/{task.log} cannot be written: .*exists"):
        write_shard(task)
