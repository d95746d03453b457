"""Device rules: which device a process has by the name, and what may be missing."""

import pytest

from stages.base.ranks import Rank
from stages.train.device_rules import PrecisionName, may_be_refused, named_device


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


@pytest.mark.parametrize(
    ("name", "precision", "expected"),
    [
        ("auto", "auto", False),
        ("auto", "bf16", False),
        ("cpu", "fp32", False),
        ("cpu", "fp16", True),
        ("auto", "fp16", True),
        ("cuda:1", "auto", True),
        ("mps", "fp32", True),
    ],
)
def test_what_is_asked_for_by_name_may_be_refused(
    name: str, precision: PrecisionName, expected: bool
) -> None:
    """A GPU may be missing, and fp16 needs one; auto is tried by the first stage that computes."""
    assert may_be_refused(name, precision) == expected
