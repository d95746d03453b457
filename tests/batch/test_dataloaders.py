"""Dataloaders: the shares of all processes are the whole, and a run may start in the middle."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stages.base.errors import UserError
from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from tests.batch.examples import (
    AUGMENT,
    example_image_set,
    imagenet_spec,
    write_example_store,
)


def loaders(rank: Rank = SINGLE_PROCESS) -> DataLoaders:
    """Return eleven images for training and five for validation, in batches of four."""
    return DataLoaders(
        train=example_image_set(11),
        valid=example_image_set(5),
        classes=11,
        render=imagenet_spec(),
        augment=AUGMENT,
        plan=BatchPlan(batch_size=4, seed=3, rank=rank),
    )


def test_two_shares_are_the_batch() -> None:
    """Both processes together get the same pixels, targets and rows as one does."""
    batches = list(loaders().train_batches(2, 0))
    shares = [list(loaders(Rank(number, 2)).train_batches(2, 0)) for number in (0, 1)]
    assert [len(batch.rows) for batch in shares[0]] == [2, 2]
    for batch, *parts in zip(batches, *shares, strict=True):
        assert torch.equal(batch.targets, torch.cat([part.targets for part in parts]))
        assert np.array_equal(batch.rows, np.concatenate([part.rows for part in parts]))
        assert torch.cat([p.images for p in parts]) == pytest.approx(batch.images, abs=1e-5)


def test_an_epoch_may_start_at_any_step() -> None:
    """From a step on the batches are those that the whole epoch has there, to the byte."""
    all_steps = list(loaders().train_batches(2, 0))
    assert len(all_steps) == loaders().steps == 2
    for first_step in range(loaders().steps + 1):
        later_steps = list(loaders().train_batches(2, first_step))
        assert len(later_steps) == loaders().steps - first_step
        for batch, again in zip(all_steps[first_step:], later_steps, strict=True):
            assert torch.equal(batch.images, again.images)


def test_shares_of_validation_follow_each_other() -> None:
    """The rows of the first process, then those of the second, are all images in order."""
    rows = [batch.rows for number in (0, 1) for batch in loaders(Rank(number, 2)).valid_batches()]
    assert np.concatenate(rows).tolist() == [0, 1, 2, 3, 4]


def test_a_subset_of_validation_is_not_shared() -> None:
    """Every process gets all images of a subset, numbered from zero."""
    for number in (0, 1):
        [batch] = loaders(Rank(number, 2)).valid_subset(np.array([1, 4]))
        assert batch.rows.tolist() == [0, 1]
        assert batch.targets.tolist() == [1, 4]


@pytest.mark.parametrize(
    ("batch_size", "count", "words"),
    [
        (16, 3, "batch_size: 16 images cannot be shared evenly among 3 processes; set 15"),
        (2, 3, "set 3, or another FINETRACK_GPUS"),
        (16, 2, "8 images for training and 2 for validation are too few for 2 processes"),
        (3, 3, "8 images for training and 2 for validation are too few for 3 processes"),
    ],
)
def test_uneven_shares_are_refused(batch_size: int, count: int, words: str, tmp_path: Path) -> None:
    """Where processes could not have equal parts, the error says what to set."""
    splits = pd.DataFrame({"path": range(10), "label": "a", "split": ["train"] * 8 + ["valid"] * 2})
    plan = BatchPlan(batch_size=batch_size, seed=1, rank=Rank(0, count))
    store = write_example_store(tmp_path)
    with pytest.raises(UserError, match=words):
        open_dataloaders(store, splits, 1, imagenet_spec(), AUGMENT, plan)


def test_both_sides_count_the_classes_of_all_images(tmp_path: Path) -> None:
    """Targets are places among the sorted labels of the whole split, excluded images included."""
    splits = pd.DataFrame(
        {
            "path": ["a.png", "b.png", "c.png"],
            "label": ["z", "m", "a"],
            "split": ["train", "valid", "excluded"],
        }
    )
    plan = BatchPlan(batch_size=1, seed=1)
    store = write_example_store(tmp_path)
    opened = open_dataloaders(store, splits, 1, imagenet_spec(), AUGMENT, plan)
    assert opened.train.paths == ["a.png"]
    assert opened.train.targets.tolist() == [2]
    assert opened.valid.paths == ["b.png"]
    assert opened.valid.targets.tolist() == [1]


def test_a_fold_is_divided_from_what_trains(tmp_path: Path) -> None:
    """By folds all images are open for training, and each fold takes its own from them."""
    splits = pd.DataFrame(
        {
            "path": ["a.png", "b.png", "c.png"],
            "label": ["z", "m", "a"],
            "split": "train",
            "reason": "",
            "fold": ["1", "2", "2"],
            "twin_folds": ["", "", "1"],
        }
    )
    store = write_example_store(tmp_path)
    plan = BatchPlan(batch_size=1, seed=1)
    opened = open_dataloaders(store, splits, 1, imagenet_spec(), AUGMENT, plan)
    assert (opened.train.paths, len(opened.valid)) == (["a.png", "b.png", "c.png"], 0)
    assert list(opened.valid_batches()) == []
    first = opened.of_fold(1)
    assert (first.train.paths, first.valid.paths) == (["b.png"], ["a.png"])
    second = opened.of_fold(2)
    assert (second.train.paths, second.valid.paths) == (["a.png"], ["b.png", "c.png"])
    assert second.valid.targets.tolist() == [1, 0]
    several = BatchPlan(batch_size=2, seed=1, rank=Rank(0, 2))
    with pytest.raises(UserError, match="folds is for few photos, which one process trains"):
        open_dataloaders(store, splits, 1, imagenet_spec(), AUGMENT, several)
