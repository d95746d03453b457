"""The device by name: which one a process has, and what may be missing."""

import pytest

from stages.base.ranks import Rank
from stages.train.device_name import named_device


@pytest.mark.parametrize(
    ("name", "gpu", "rank", "device"),
    [
        ("auto", False, Rank(0, 1), "cpu"),
        ("auto", True, Rank(0, 1), "cuda:0"),
        ("auto", True, Rank(6, 8, 2), "cuda:2"),
        ("cuda", True, Rank(0, 1), "cuda:0"),
        ("cuda", True, Rank(3, 4, 3), "cuda:3"),
        ("cuda:1", True, Rank(0, 1), "cuda:1"),
        ("cuda:1", True, Rank(3, 4, 3), "cuda:3"),
        ("cpu", True, Rank(3, 4, 3), "cpu"),
        ("mps:0", False, Rank(0, 1), "mps:0"),
    ],
)
def test_each_process_has_the_gpu_of_its_number(
    name: str, gpu: bool, rank: Rank, device: str
) -> None:
    """Of several processes each takes the GPU of its number on its machine, one what it is told."""
    assert named_device(name, gpu, rank) == device
