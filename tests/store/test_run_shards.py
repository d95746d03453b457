"""Shards in processes: whatever one photo does, the others are stored, and it is named."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.images.encode import Encoded
from stages.images.resize import PresizeParams
from stages.store.encode_cache import read_logs
from stages.store.original import Fault
from stages.store.reader import shard_name
from stages.store.run_shards import run_shards
from stages.store.shard import PresizeOutcome, ShardTask
from stages.store.writer import shard_of
from tests.store import crashing
from tests.store.test_shard import by_path, photo, stored_bytes, task_of

GOOD = {f"good_{seed}.jpg": photo(seed) for seed in range(3)} | {"small.jpg": photo(7, (30, 20))}


def tasks_of(
    root: Path,
    files: dict[str, bytes],
    encode: Callable[[bytes, PresizeParams], Encoded] = crashing.encode_or_die,
) -> list[ShardTask]:
    """Return two shards of the photos, to be encoded by a function of tests/store/crashing.py."""
    task = task_of(root, files)
    return [
        replace(
            task,
            shard=shard_name(number),
            items=tuple(item for item in task.items if shard_of(item[0], 2) == number),
            encode=encode,
        )
        for number in range(2)
    ]


def problems(outcomes: list[PresizeOutcome]) -> dict[str, tuple[str, str]]:
    """Return problem or fault, and detail, of the photos that are not stored."""
    return {
        path: (outcome.problem or outcome.fault, outcome.detail)
        for path, outcome in by_path(outcomes).items()
        if not outcome.shard
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_a_photo_that_crashes_the_decoder_is_rejected_alone(tmp_path: Path, workers: int) -> None:
    """Each of several crashes is a row with the signal's name; all other photos are stored."""
    bad = {f"bad_{seed}.jpg": photo(20 + seed) + crashing.CRASH for seed in range(3)}
    tasks = tasks_of(tmp_path, GOOD | bad)
    outcomes = run_shards(tasks, workers)
    assert problems(outcomes) == dict.fromkeys(bad, ("crashed the decoder", "SIGSEGV"))
    places = by_path(outcomes)
    for path in GOOD:
        task = tasks[int(places[path].shard[-5])]
        assert stored_bytes(task, places[path])[:2] == b"\xff\xd8"
    assert len(outcomes) == len(GOOD) + len(bad)


def test_a_crash_is_not_tried_again_in_the_next_run(tmp_path: Path) -> None:
    """The refusal is cached like any other, so the next run has nothing to decode."""
    files = GOOD | {"bad.jpg": photo(20) + crashing.CRASH, "again.jpg": photo(20) + crashing.CRASH}
    first = run_shards(tasks_of(tmp_path, files), 2)
    assert set(problems(first)) == {"bad.jpg", "again.jpg"}
    shutil.rmtree(tmp_path / "run-1")
    second = run_shards(tasks_of(tmp_path, files), 2)
    assert problems(second) == problems(first)
    assert all(outcome.reused for outcome in second)


@pytest.mark.parametrize("ending", [crashing.KILL, crashing.MEMORY])
def test_want_of_memory_is_a_fault_and_no_property_of_the_photo(
    tmp_path: Path, ending: bytes
) -> None:
    """A photo whose process the system ends twice is a fault; the next run tries it again."""
    huge = photo(20) + ending
    outcomes = run_shards(tasks_of(tmp_path, GOOD | {"huge.jpg": huge, "twin.jpg": huge}), 2)
    detail = "SIGKILL, alone in a process of its own too"
    assert problems(outcomes) == dict.fromkeys(("huge.jpg", "twin.jpg"), (Fault.ENDED, detail))
    assert {path for path, one in by_path(outcomes).items() if one.shard} == set(GOOD)
    assert len(read_logs(tmp_path / "cache")) == 1  # the photo that passes through


def test_a_process_killed_once_costs_nothing(tmp_path: Path) -> None:
    """A photo that was only there when memory was short is stored, since alone it succeeds."""
    unlucky = photo(20) + crashing.KILL + bytes(tmp_path / "killed")
    tasks = tasks_of(tmp_path, GOOD | {"unlucky.jpg": unlucky}, crashing.encode_or_be_killed_once)
    outcomes = run_shards(tasks, 2)
    assert (tmp_path / "killed").exists()
    assert problems(outcomes) == {}
    assert len(outcomes) == len(GOOD) + 1


def test_an_error_of_the_encoder_names_its_photo(tmp_path: Path) -> None:
    """What no decoder should raise is a fault with the photo's name, and the others go on."""
    outcomes = run_shards(tasks_of(tmp_path, GOOD | {"bug.jpg": photo(20) + crashing.BUG}), 2)
    detail = "ZeroDivisionError: division by zero"
    assert problems(outcomes) == {"bug.jpg": (Fault.ENCODER, detail)}
    assert len(outcomes) == len(GOOD) + 1


def test_an_error_of_a_shard_is_raised(tmp_path: Path) -> None:
    """A folder that cannot be written stops the run, with its name."""
    tasks = [replace(task, scratch=tmp_path / "none") for task in tasks_of(tmp_path, GOOD)]
    with pytest.raises(UserError, match="none cannot be written"):
        run_shards(tasks, 2)
