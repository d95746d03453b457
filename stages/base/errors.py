"""Errors are for people: one line that names the file, key or value, and the remedy."""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from stages.base.ranks import launched_by_torchrun
from stages.base.stage_lock import LockHeld, stage_lock

PRIVATE = Path(".finetrack")
# Forced, since a stage may have written a report of its failure; and for the one stage, since
# without a name DVC would also undo what people changed elsewhere, in photos for example.
RESTORE = (
    "What DVC removed before it comes back with: dvc checkout -f {stage} && git restore reports"
)


class UserError(Exception):
    """A mistake that the user can mend; its message is one line with the remedy."""


def error_list(head: str, lines: Sequence[str], shown: int = 20) -> UserError:
    """Return one error for all failures of a kind: a headline, the first twenty, and how many more.

    >>> print(several("2 files have no label:", ["a.jpg", "b.jpg"]))
    2 files have no label:
      a.jpg
      b.jpg
    """
    rest = [f"... and {len(lines) - shown} more"] if len(lines) > shown else []
    return UserError("\n  ".join([head, *lines[:shown], *rest]))


def run_command(main: Callable[[], None], hint: str = "") -> None:
    """Run a command; turn any failure into a line on stderr and exit code 1 (130 when interrupted).

    What an interruption says of itself is told. FINETRACK_DEBUG=1 lets the traceback through.
    """
    try:
        main()
    except KeyboardInterrupt as stop:
        sys.exit(_say(str(stop) or "Interrupted.", hint, code=130))
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if os.environ.get("FINETRACK_DEBUG") == "1":
            raise
        sys.exit(_say(_message(error), hint, code=1))


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage of the pipeline, no other beside it in this folder.

    A failure also says how to bring back what DVC removed.
    """
    stage = Path(inspect.getfile(main)).stem

    def by_itself() -> None:
        # A process among several that train together works for the one that has the lock.
        with nullcontext() if launched_by_torchrun() else stage_lock(PRIVATE, stage):
            main()

    run_command(by_itself, hint=RESTORE.format(stage=stage))


def _message(error: Exception) -> str:
    if isinstance(error, UserError | LockHeld):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    line = " ".join(str(error).split())
    return f"{type(error).__name__}: {line} (FINETRACK_DEBUG=1 shows where)"


def _say(message: str, hint: str, code: int) -> int:
    print(f"\nfinetrack: {message}", file=sys.stderr)
    if hint:
        print(hint, file=sys.stderr)
    return code
