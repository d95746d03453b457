"""Input wait: the share of the time spent waiting for input."""

import time
from collections.abc import Iterator

from stages.train.input_wait import TimedIterator


def slow_items(items: int, seconds: float) -> Iterator[int]:
    """Yield numbers, each after a pause."""
    for item in range(items):
        time.sleep(seconds)
        yield item


def test_items_come_in_order() -> None:
    """Timing changes nothing about the items."""
    assert list(TimedIterator(range(5))) == [0, 1, 2, 3, 4]


def test_a_slow_source_is_waited_for() -> None:
    """All the time that the source takes counts as waiting."""
    timed = TimedIterator(slow_items(5, 0.02))
    assert len(list(timed)) == 5
    assert timed.waited >= 0.1
    assert timed.share > 0.9


def test_a_slow_consumer_does_not_wait() -> None:
    """The consumer's own work is in the total alone."""
    timed = TimedIterator(range(5))
    for _ in timed:
        time.sleep(0.02)
    assert timed.total >= 0.1
    assert timed.share < 0.1


def test_no_items_no_share() -> None:
    """Without items nobody waited, and before the first nothing is known."""
    empty: TimedIterator[int] = TimedIterator([])
    assert empty.share == 0
    assert list(empty) == []
    assert 0 <= empty.share <= 1
