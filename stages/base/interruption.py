"""Interruption by Ctrl-C: what a stage then says, and that a second Ctrl-C adds no line."""

import os
import signal
from multiprocessing import parent_process
from threading import current_thread, main_thread
from time import monotonic

# A second signal within so many seconds is the first one again: Ctrl-C reaches every process of a
# terminal, and the one that started the others passes it on.
REPEAT_SECONDS = 1.0

# -f, since a stage may have written a report of its failure; and the stage's name, since without
# one DVC would also undo what people changed elsewhere, in photos for example.
_RESTORE = (
    "What DVC removed before it comes back with: dvc checkout -f {stage} && git restore reports"
)


def restore_hint(stage: str) -> str:
    """Return how to bring back what DVC removed before it started a stage; "" without one."""
    return _RESTORE.format(stage=stage) if stage else ""


def interrupted_line(stage: str) -> str:
    """Return what is said of an interruption that has no message of its own.

    >>> interrupted_line("")
    'Interrupted.'
    >>> interrupted_line("export")
    'Interrupted. What earlier stages made is kept; make repro goes on with export.'
    """
    goes_on = f" What earlier stages made is kept; make repro goes on with {stage}."
    return f"Interrupted.{goes_on if stage else ''}"


def speaks_for_all() -> bool:
    """Return whether this process is the first of those that train together, or alone."""
    return parent_process() is None and os.environ.get("RANK", "") in ("", "0")


def end_at_once_next_time() -> None:
    """Let another Ctrl-C end this process without a line, while it takes its time to leave.

    Python would show a trace of whatever it was closing. Where another process started this one to
    train together, a Ctrl-C within REPEAT_SECONDS is the same one passed on, and does nothing.
    Where Ctrl-C is ignored, it stays so.
    """
    if current_thread() is main_thread() and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        alone = parent_process() is None and "RANK" not in os.environ
        began = monotonic()

        def again(number: int, _: object) -> None:
            if monotonic() - began > REPEAT_SECONDS:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)

        signal.signal(signal.SIGINT, signal.SIG_DFL if alone else again)
