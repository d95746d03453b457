"""Errors are for people: one line that names the file, key or value, and the remedy."""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Forced, since a stage may have written a report of its failure; and for the one stage, since
# without a name DVC would also undo what people changed elsewhere, in photos for example.
RESTORE = (
    "What DVC removed before it comes back with: dvc checkout -f {stage} && git restore reports"
)


class UserError(Exception):
    """A mistake that the user can mend; its message is one line with the remedy."""


def several(head: str, lines: Sequence[str], shown: int = 20) -> UserError:
    """Return one error for all failures of a kind: a headline, the first twenty, and how many more.

    >>> print(several("2 files have no label:", ["a.jpg", "b.jpg"]))
    2 files have no label:
      a.jpg
      b.jpg
    """
    rest = [f"... and {len(lines) - shown} more"] if len(lines) > shown else []
    return UserError("\n  ".join([head, *lines[:shown], *rest]))


def run(main: Callable[[], None], hint: str = "") -> None:
    """Run a command; turn any failure into a line on stderr and exit code 1 (130 when interrupted).

    FINETRACK_DEBUG=1 lets the traceback through.
    """
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(_say("Interrupted.", hint, code=130))
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if os.environ.get("FINETRACK_DEBUG") == "1":
            raise
        sys.exit(_say(_message(error), hint, code=1))


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage of the pipeline; a failure also says how to bring back what DVC removed."""
    run(main, hint=RESTORE.format(stage=Path(inspect.getfile(main)).stem))


def _message(error: Exception) -> str:
    if isinstance(error, UserError):
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
