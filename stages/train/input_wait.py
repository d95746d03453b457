"""How long training waits for its input."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Generic, TypeVar

T = TypeVar("T")


class TimedIterator(Generic[T]):
    """An iterable that notes how long its consumer waits for items, and the time in all."""

    def __init__(self, items: Iterable[T]) -> None:
        """Take the items; the clock starts when they are first asked for."""
        self._items = items
        self.waited = self.total = 0.0  # seconds

    def __iter__(self) -> Iterator[T]:
        """Yield the items."""
        start = asked = perf_counter()
        for item in self._items:
            self.waited += perf_counter() - asked
            yield item
            asked = perf_counter()
        self.total = perf_counter() - start

    @property
    def share(self) -> float:
        """Return the share of the time, once all is consumed, that was spent waiting."""
        return self.waited / self.total if self.total else 0.0
