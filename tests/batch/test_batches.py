"""The plan by which an epoch is shuffled, cut into batches and shared."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from stages.base.ranks import Rank
from stages.base.seed import derive
from stages.batch.batches import Batch, BatchPlan

PLAN = BatchPlan(batch_size=4, seed=5)


@pytest.mark.parametrize(("images", "steps"), [(3, 1), (4, 1), (8, 2), (11, 2), (12, 3)])
def test_an_epoch_has_whole_batches_only_but_at_least_one(images: int, steps: int) -> None:
    """The incomplete last batch is left out, except where it is the only one."""
    assert PLAN.steps(images) == steps
    assert len(PLAN.epoch_rows(images, epoch=1)) == steps


def test_the_order_is_the_shuffle_of_seed_and_epoch() -> None:
    """The rows of an epoch are the permutation that the seed and the epoch's number name."""
    order = derive(5, "order", 3).permutation(11)
    assert np.concatenate(PLAN.epoch_rows(11, epoch=3)).tolist() == order[:8].tolist()
    assert np.concatenate(PLAN.epoch_rows(11, epoch=2)).tolist() != order[:8].tolist()


def test_an_epoch_shows_each_image_at_most_once() -> None:
    """The rows of all batches differ, and lie in the image set."""
    rows = np.concatenate(PLAN.epoch_rows(11, epoch=1)).tolist()
    assert len(set(rows)) == 8
    assert set(rows) <= set(range(11))


def test_few_images_are_all_taken() -> None:
    """Fewer images than a batch come in one smaller batch, all of them."""
    [rows] = PLAN.epoch_rows(3, epoch=1)
    assert sorted(rows.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("first_step", [0, 1, 4, 5])
def test_an_epoch_may_begin_at_any_step(first_step: int) -> None:
    """From a step on the batches are those that the whole epoch has there."""
    all_steps = [rows.tolist() for rows in PLAN.epoch_rows(20, epoch=2)]
    later_steps = [rows.tolist() for rows in PLAN.epoch_rows(20, epoch=2, first_step=first_step)]
    assert later_steps == all_steps[first_step:]


def test_the_shares_of_all_processes_are_the_batch() -> None:
    """The rows of the first process, then those of the second, are the rows of the batch."""
    first, second = (
        BatchPlan(batch_size=4, seed=5, rank=Rank(number, 2)).epoch_rows(11, epoch=1)
        for number in (0, 1)
    )
    assert [len(rows) for rows in first] == [2, 2]
    joined = [np.concatenate(rows).tolist() for rows in zip(first, second, strict=True)]
    assert joined == [rows.tolist() for rows in PLAN.epoch_rows(11, epoch=1)]


def test_without_balance_every_image_is_drawn_once() -> None:
    """Each place has the row of its number."""
    assert PLAN.drawn(np.array([0, 0, 1]), epoch=1).tolist() == [0, 1, 2]


def test_what_balance_draws_follows_seed_and_epoch() -> None:
    """The same seed and epoch draw the same rows, others draw others."""
    targets = np.repeat([0, 1], [90, 10])
    plan = BatchPlan(batch_size=4, seed=5, balance="full")
    drawn = plan.drawn(targets, epoch=1).tolist()
    assert drawn == plan.drawn(targets, epoch=1).tolist()
    assert drawn != plan.drawn(targets, epoch=2).tolist()
    assert drawn != BatchPlan(batch_size=4, seed=6, balance="full").drawn(targets, 1).tolist()
    assert np.bincount(targets[drawn]).tolist() == [50, 50]


def test_a_batch_names_its_arrays_and_stays_as_it_is() -> None:
    """Tensors of one type cannot be swapped in silence, and none can be replaced."""
    images = torch.zeros(1, 3, 4, 4)
    targets = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(TypeError):
        Batch(images, targets, np.zeros(1))  # type: ignore[call-arg] # positions are refused
    batch = Batch(images=images, targets=targets, rows=np.zeros(1))
    with pytest.raises(FrozenInstanceError):
        batch.images = targets  # type: ignore[misc] # which is what the test is about
