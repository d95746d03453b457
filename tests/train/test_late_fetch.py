"""Late fetch: the values themselves, or a copy that is waited for when it is asked for."""

from typing import Any

import torch

from stages.train.late_fetch import LateFetch, fetch_later


def test_a_processor_has_the_values_at_once() -> None:
    """There is nothing to copy and nothing to wait for."""
    values = torch.tensor([1.0, 2.0])
    assert fetch_later(values).result().tolist() == [1, 2]


def test_values_are_read_after_their_copy() -> None:
    """What has not arrived when the fetch begins is there when the result is asked for."""
    pinned = torch.zeros(2)

    class Copied:
        def synchronize(self) -> None:
            pinned.copy_(torch.tensor([3.0, 4.0]))

    event: Any = Copied()
    assert LateFetch(pinned, event).result().tolist() == [3, 4]
