"""The batches of a processor: what is made beside the step, in which order."""

import time
from threading import Barrier

import pytest

from stages.batch.cpu_loader import prefetch


def test_prefetch_keeps_order() -> None:
    """Results come in the order of the items."""
    assert list(prefetch(lambda n: n * n, range(7))) == [0, 1, 4, 9, 16, 25, 36]
    nothing: list[int] = []
    assert list(prefetch(lambda n: n, nothing)) == []


def test_prefetch_works_while_the_consumer_does() -> None:
    """The next two results are computed during the work on this one, and no more."""
    computed: list[int] = []

    def compute(number: int) -> int:
        computed.append(number)
        return number

    results = prefetch(compute, range(5))
    assert next(results) == 0
    deadline = time.monotonic() + 5
    while len(computed) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert computed == [0, 1, 2]


def test_prefetch_works_on_several_at_once() -> None:
    """With four threads four items are under way together, and come out in order."""
    barrier = Barrier(4, timeout=10)

    def compute(number: int) -> int:
        barrier.wait()
        return number

    assert list(prefetch(compute, range(8), threads=4)) == list(range(8))


def test_prefetch_passes_errors_on() -> None:
    """An error in the thread is raised where the result is taken."""
    results = prefetch(lambda n: 1 / n, [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
