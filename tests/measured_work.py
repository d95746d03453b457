"""Measured work: for what would take minutes without a bound.

It counts this process's own processor time, so that a busy machine fails no test; how fast a thing
is, the benchmarks measure.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class MeasuredWork:
    """The processor time of a block, in seconds."""

    seconds: float = 0.0


@contextmanager
def measured_work() -> Iterator[MeasuredWork]:
    """Measure the block; the value is there once it has ended."""
    work = MeasuredWork()
    start = time.process_time()
    yield work
    work.seconds = time.process_time() - start
