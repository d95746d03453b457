"""Shares of batches: those of all processes are the whole, and a run may start in the middle."""

from typing import cast

import numpy as np
import pandas as pd
import pytest
import torch

from stages.base.errors import UserError
from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.batch.dataloaders import DataLoaders, open_dataloaders
from stages.store.reader import Store
from tests.batch.test_loader import AUGMENT, LOOK, photos


def feed(rank: Rank = SINGLE_PROCESS) -> DataLoaders:
    """Return eleven images for training and five for validation, in batches of four."""
    return DataLoaders(photos(11), photos(5), LOOK, AUGMENT, 4, 3, rank)


def test_two_shares_are_the_batch() -> None:
    """Both processes together see the same pixels, targets and rows as one does."""
    one = list(feed().batches(2, 0))
    shares = [list(feed(Rank(number, 2)).batches(2, 0)) for number in (0, 1)]
    assert [len(batch.rows) for batch in shares[0]] == [2, 2]
    for whole, *parts in zip(one, *shares, strict=True):
        assert torch.equal(whole.targets, torch.cat([part.targets for part in parts]))
        assert np.array_equal(whole.rows, np.concatenate([part.rows for part in parts]))
        assert torch.cat([p.images for p in parts]) == pytest.approx(whole.images, abs=1e-5)


def test_an_epoch_may_start_at_any_step() -> None:
    """From a step on the batches are those that the whole epoch has there, to the byte."""
    whole = list(feed().batches(2, 0))
    for first in range(feed().steps + 1):
        rest = list(feed().batches(2, first))
        assert len(rest) == feed().steps - first
        for a, b in zip(whole[first:], rest, strict=True):
            assert torch.equal(a.images, b.images)


def test_shares_of_validation_follow_each_other() -> None:
    """The rows of the first process, then those of the second, are all images in order."""
    rows = [batch.rows for number in (0, 1) for batch in feed(Rank(number, 2)).held()]
    assert np.concatenate(rows).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("batch_size", "count", "words"),
    [
        (16, 3, "batch_size: 16 images cannot be shared evenly among 3 processes; set 15"),
        (2, 3, "set 3, or another FINETRACK_GPUS"),
        (16, 2, "8 images for training and 2 for validation are too few for 2 processes"),
        (3, 3, "8 images for training and 2 for validation are too few for 3 processes"),
    ],
)
def test_uneven_shares_are_refused(batch_size: int, count: int, words: str) -> None:
    """Where processes could not have equal parts, the error says what to set."""
    splits = pd.DataFrame({"path": range(10), "label": "a", "split": ["train"] * 8 + ["valid"] * 2})
    rank, store = Rank(0, count), cast(Store, None)  # nothing is read
    with pytest.raises(UserError, match=words):
        open_dataloaders(store, splits, ["a"], LOOK, AUGMENT, batch_size, 1, rank, 1)
