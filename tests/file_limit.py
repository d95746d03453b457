"""A limit of the size of files, as `ulimit -f` sets it, for what a test does under it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def no_file_larger_than(limit: int) -> Iterator[None]:
    """Let the system refuse to write more than so many bytes to a file; Windows has no limit."""
    resource = pytest.importorskip("resource", reason="Windows has no limit of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
