"""Bounded memory: what would grow with a million photos must stay below a number of bytes."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded_memory(most: float) -> Iterator[None]:
    """Fail when the block has more bytes than that at once, beside what there was before."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak:,} bytes"
