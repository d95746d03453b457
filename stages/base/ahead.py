"""Ahead: a function called for the next items by threads, while the caller is at the first."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Computed = TypeVar("Computed")


def map_ahead(
    function: Callable[[Given], Computed], items: Iterable[Given], threads: int
) -> Generator[Computed]:
    """Yield what a function returns for each item, in their order, computed by threads.

    As many answers as threads are in memory, and as many calls on their way. The first exception is
    raised in its place, and what has not begun is left.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        pending: deque[Future[Computed]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
