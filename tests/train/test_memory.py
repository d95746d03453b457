"""Want of memory: wherever training wants it, the error names the batch size to try."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from stages.base.errors import UserError
from stages.batch.batches import Batch
from stages.batch.cpu_loader import prefetch
from stages.train.loop import fine_tune, keep_start
from stages.train.memory import memory_advice
from stages.train.training_data import TrainingTask
from tests.train.tiny_training import VALID_BATCHES, tiny_batches, tiny_task

WORDS = r"step of 9 images; set fine_tune\.batch_size: 4"


def test_too_little_memory_names_the_batch_size_to_try() -> None:
    """Where a processor cannot allocate for a step of 64 images, the error suggests 32."""
    words = r"step of 64 images; set fine_tune\.batch_size: 32"
    with pytest.raises(UserError, match=words), memory_advice(64):
        torch.empty(2**60, dtype=torch.uint8)


def test_the_smallest_batch_is_two() -> None:
    """Half of three images would be less than batch norm can take."""
    with pytest.raises(UserError, match="batch_size: 2, "), memory_advice(3):
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_other_failures_in_a_step_stay_as_they_are() -> None:
    """An error of another kind passes unchanged."""
    with pytest.raises(RuntimeError, match="shapes"), memory_advice(64):
        raise RuntimeError("shapes do not fit")


def test_an_array_too_large_counts_too() -> None:
    """What numpy cannot allocate is want of memory as well."""
    with pytest.raises(UserError, match="batch_size: 32"), memory_advice(64):
        raise MemoryError


def allocate(_: object) -> NoReturn:
    """Ask for more memory than there is."""
    torch.empty(2**60, dtype=torch.uint8)
    raise AssertionError


def from_thread(batches: list[Batch]) -> Iterator[Batch]:
    """Yield batches, then one that a thread of the loader finds no memory for."""
    yield from batches
    yield from prefetch(allocate, [1])


def with_batches(task: TrainingTask, train: bool) -> TrainingTask:
    """Return a task whose loader finds no memory for the second batch of one side."""
    if train:
        data = replace(
            task.data, train_batches=lambda epoch, first_step: from_thread(tiny_batches(1))
        )
    else:
        data = replace(task.data, valid_batches=lambda: from_thread(VALID_BATCHES[:1]))
    return replace(task, data=data)


@pytest.mark.parametrize("train", [True, False])
def test_a_thread_of_the_loader_that_wants_memory_gives_the_advice(
    train: bool, tmp_path: Path
) -> None:
    """In training as in validation, what a thread cannot allocate names the batch size to try."""
    with pytest.raises(UserError, match=WORDS):
        fine_tune(with_batches(tiny_task(tmp_path / "file"), train), 0.02, lambda line: None)


def test_validation_without_training_gives_the_advice(tmp_path: Path) -> None:
    """The probe's own validation too names the batch size to try."""
    with pytest.raises(UserError, match=WORDS):
        keep_start(with_batches(tiny_task(tmp_path / "file"), train=False), lambda line: None)
