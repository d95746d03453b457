"""Measured memory: for what would grow with a million photos and must not."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class MeasuredMemory:
    """The most bytes that a block had at once, beside what there was before."""

    peak: int = 0


@contextmanager
def measured_memory() -> Iterator[MeasuredMemory]:
    """Measure the block; the value is there once it has ended."""
    memory = MeasuredMemory()
    tracemalloc.start()
    try:
        yield memory
        memory.peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
