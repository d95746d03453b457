"""Bounded work: what would take minutes without a bound must end soon.

It counts this process's own processor time, so that a busy machine fails no test; how fast a thing
is, the benchmarks measure.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded_work(seconds: float) -> Iterator[None]:
    """Fail when the block takes more processor time than so many seconds."""
    start = time.process_time()
    yield
    taken = time.process_time() - start
    assert taken < seconds, f"{taken:.1f} s of processor time"
