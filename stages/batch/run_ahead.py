"""Running ahead: the next items of an iterator are made by a thread while one is used."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def run_ahead(items: Iterator[_Item], count: int) -> Iterator[_Item]:
    """Yield the items in order; the next count are under way, from now on, one after the other."""
    pool = ThreadPoolExecutor(1)
    pending = deque(pool.submit(next, items, None) for _ in range(count))
    return _taken(items, pool, pending)


def _taken(
    items: Iterator[_Item], pool: ThreadPoolExecutor, pending: "deque[Future[_Item | None]]"
) -> Iterator[_Item]:
    with pool:
        while (item := pending.popleft().result()) is not None:
            pending.append(pool.submit(next, items, None))
            yield item
