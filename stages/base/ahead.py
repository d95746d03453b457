"""Ahead: a function called for the next items by threads, while the caller is at the first."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def map_ahead(
    function: Callable[[Item], Answer], items: Iterable[Item], threads: int
) -> Generator[Answer]:
    """Yield what a function returns for each item, in their order, computed by threads.

    As many answers as threads are in memory, and as many calls on their way. The first exception is
    raised in its place, and what has not begun is left.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        pending: deque[Future[Answer]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
