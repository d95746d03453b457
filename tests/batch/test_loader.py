"""The loader: order, views, prefetching and stacking of batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.base.ranks import Rank
from stages.batch.batches import Batch, BatchPlan
from stages.batch.loader import train_batches, valid_batches
from tests.batch.examples import AUGMENT, example_image_set, imagenet_spec


def batches(epoch: int = 1, seed: int = 5, count: int = 11, batch_size: int = 4) -> list[Batch]:
    """Return the batches of one epoch of training."""
    plan = BatchPlan(batch_size=batch_size, seed=seed)
    image_set = example_image_set(count)
    return list(train_batches(image_set, imagenet_spec(), AUGMENT, plan, epoch))


def test_batches_have_the_rows_of_the_plan() -> None:
    """The rows of every batch are those that the plan names for the epoch."""
    rows = BatchPlan(batch_size=4, seed=5).epoch_rows(11, epoch=2)
    assert [batch.rows.tolist() for batch in batches(2)] == [part.tolist() for part in rows]


def test_targets_belong_to_their_rows() -> None:
    """Targets travel with their images through the shuffle."""
    for batch in batches():
        assert batch.targets.tolist() == batch.rows.tolist()
        assert batch.targets.dtype == torch.int64


def test_same_epoch_same_bytes() -> None:
    """The same seed and epoch give the same pixels; another epoch gives another order."""
    first = batches(1)
    again = batches(1)
    other = batches(2)
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, again, strict=True))
    assert [b.rows.tolist() for b in first] != [b.rows.tolist() for b in other]


def test_another_seed_another_order() -> None:
    """The seed decides the order."""
    assert batches(seed=1)[0].rows.tolist() != batches(seed=2)[0].rows.tolist()


def test_few_images_make_one_batch() -> None:
    """Fewer images than a batch still train, all of them."""
    [batch] = batches(count=3)
    assert sorted(batch.rows.tolist()) == [0, 1, 2]


def image_of_row(epoch_batches: list[Batch]) -> dict[int, torch.Tensor]:
    """Return each image by its row."""
    return {
        row: image
        for batch in epoch_batches
        for row, image in zip(batch.rows.tolist(), batch.images, strict=True)
    }


def test_views_do_not_depend_on_the_batch() -> None:
    """An image has the same view in an epoch whatever the batch size."""
    small = image_of_row(batches(batch_size=2))
    large = image_of_row(batches(batch_size=5))
    common = small.keys() & large.keys()
    assert len(common) >= 9
    for row in common:
        assert torch.allclose(small[row], large[row], atol=1e-4)


def test_views_change_with_the_epoch() -> None:
    """An image that stays in the only batch looks different in the next epoch."""
    first = image_of_row(batches(1, count=3))
    second = image_of_row(batches(2, count=3))
    assert all(not torch.allclose(first[row], second[row], atol=0.1) for row in range(3))


UNEQUAL = replace(example_image_set(), targets=np.array([0] * 8 + [1] * 2 + [2]))


def balanced_batches(plan: BatchPlan, first_step: int = 0) -> list[Batch]:
    """Return the batches of the second epoch of eleven images, eight of them of one class."""
    return list(train_batches(UNEQUAL, imagenet_spec(), AUGMENT, plan, 2, first_step))


def test_balanced_batches_have_their_rows_and_targets() -> None:
    """A place shows the row that the plan draws for it, with the target of that row."""
    plan = BatchPlan(batch_size=4, seed=5, balance="full")
    drawn = plan.drawn(UNEQUAL.targets, epoch=2)
    for batch, places in zip(balanced_batches(plan), plan.epoch_rows(11, epoch=2), strict=True):
        assert batch.rows.tolist() == drawn[places].tolist()
        assert batch.targets.tolist() == UNEQUAL.targets[batch.rows].tolist()


def test_an_image_that_comes_again_has_another_view() -> None:
    """Drawn three times or more in an epoch, it looks different each time, at first as ever."""
    plan = BatchPlan(batch_size=11, seed=5, balance="full")
    [batch] = balanced_batches(plan)
    [once] = train_batches(UNEQUAL, imagenet_spec(), AUGMENT, replace(plan, balance="none"), 2)
    views = batch.images[batch.rows == 10]
    assert len(views) >= 3
    for number, view in enumerate(views):
        assert all(not torch.allclose(view, other, atol=0.1) for other in views[:number])
    [as_ever] = once.images[once.rows == 10]
    assert sum(torch.allclose(view, as_ever, atol=1e-4) for view in views) == 1


def test_balanced_shares_and_later_steps_are_those_of_the_epoch() -> None:
    """Two processes together, or a run that goes on, see what one whole epoch has."""
    plan = BatchPlan(batch_size=4, seed=5, balance="sqrt")
    whole = balanced_batches(plan)
    [later] = balanced_batches(plan, first_step=1)
    assert torch.equal(later.images, whole[1].images)
    shares = [balanced_batches(replace(plan, rank=Rank(number, 2))) for number in (0, 1)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert batch.rows.tolist() == np.concatenate([part.rows for part in parts]).tolist()
        joined = torch.cat([part.images for part in parts])
        assert joined == pytest.approx(batch.images, abs=1e-5)


def test_validation_keeps_the_order_and_everything() -> None:
    """Validation shows every image in order, the last batch being smaller."""
    valid = list(valid_batches(example_image_set(), imagenet_spec(), 4))
    assert [len(batch.rows) for batch in valid] == [4, 4, 3]
    assert np.concatenate([batch.rows for batch in valid]).tolist() == list(range(11))


def test_a_subset_shows_its_images_alone() -> None:
    """A subset is rendered as the same images of the whole set are, and is numbered from zero."""
    rows = np.array([2, 7, 10])
    [batch] = valid_batches(example_image_set().subset(rows), imagenet_spec(), 4)
    [all_images] = valid_batches(example_image_set(), imagenet_spec(), 11)
    assert torch.allclose(batch.images, all_images.images[rows], atol=1e-5)
    assert batch.targets.tolist() == rows.tolist()
    assert batch.rows.tolist() == [0, 1, 2]


def test_no_images_no_batches() -> None:
    """An empty side gives no batch and no error."""
    assert list(valid_batches(example_image_set(0), imagenet_spec(), 4)) == []
