"""Input wait: the share of the time that training spends waiting for its input."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class TimedIterator(Generic[ItemT]):
    """An iterable that measures how long its consumer waits for items, and the time in all."""

    def __init__(self, items: Iterable[ItemT]) -> None:
        """Take the items; the clock starts when the first is asked for."""
        self._items = items
        self.waited = 0.0  # seconds
        self.total = 0.0  # seconds

    def __iter__(self) -> Iterator[ItemT]:
        """Yield the items."""
        start = perf_counter()
        asked_at = start
        for item in self._items:
            self.waited += perf_counter() - asked_at
            yield item
            asked_at = perf_counter()
        self.total = perf_counter() - start

    @property
    def share(self) -> float:
        """Return the share of the time, once all is consumed, that was spent waiting."""
        return self.waited / self.total if self.total else 0.0
