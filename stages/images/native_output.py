"""Native output: the lines that a library in C writes to the terminal, caught instead of shown.

Pillow's libtiff reports damage in no other way, and GLib complains there of sizes out of range.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def native_output() -> Iterator[list[str]]:
    """Catch what is written to file descriptor 2; the list has the lines once the block has ended.

    Works for the whole process, so use it only around a call of a decoder.
    """
    lines: list[str] = []
    try:
        terminal = os.dup(_STDERR)
    except OSError:  # closed, as in a service: there is nothing to catch
        yield lines
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), _STDERR)
        try:
            yield lines
        finally:
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            caught.seek(0)
            lines += caught.read().decode("utf-8", "replace").splitlines()
