"""How an entry point runs: a failure becomes one line on stderr and an exit code."""

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from stages.base.errors import UserError
from stages.base.interruption import end_at_once_next_time, interrupted_line, restore_hint
from stages.base.parts import PRIVATE_FOLDER
from stages.base.ranks import Rank, this_rank
from stages.base.stage_lock import stage_lock
from stages.base.system_errors import system_error_line, wants_memory, wants_threads
from stages.base.terminal import ended_when_unread, say

_LESS_MEMORY = (
    "memory does not suffice; FINETRACK_WORKERS=1 needs least, and where a model computes a "
    "smaller fine_tune.batch_size or augment.size (FINETRACK_DEBUG=1 shows where it was)"
)


def run_command(main: Callable[[], None], stage: str = "") -> None:
    """Run a command; a failure becomes a line on stderr and exit code 1 (130 when interrupted).

    An interruption that has a message is shown by it. FINETRACK_DEBUG=1 lets the traceback through.
    A reader of stdout that leaves early, such as head, ends the command without a line.
    stage: whose outputs DVC removed, which a failure says how to bring back; "" for none.
    """
    try:
        with ended_when_unread():
            main()
    except KeyboardInterrupt as interrupt:
        end_at_once_next_time()
        line = str(interrupt) or interrupted_line(stage)
        sys.exit(_report([line], restore_hint(stage), code=130))
    except Exception as error:
        if os.environ.get("FINETRACK_DEBUG", "0") not in ("", "0"):
            raise
        sys.exit(_report(_lines(error), restore_hint(stage), code=1))


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage of the pipeline under the lock of this folder, so that only one stage runs in it.

    A failure also says how to bring back what DVC removed.
    """
    stage = Path(inspect.getfile(main)).stem

    def locked_main() -> None:
        rank = this_rank()
        # Of processes that torchrun started on this stage the first takes the lock for all.
        with stage_lock(PRIVATE_FOLDER, stage) if rank.first else nullcontext(), _naming(rank):
            main()

    run_command(locked_main, stage)


@contextmanager
def _naming(rank: Rank) -> Iterator[None]:
    """Let a failure in one of several processes say in which, since all of them print."""
    try:
        yield
    except Exception as error:
        if rank.count == 1:
            raise
        line, *more = _lines(error)
        who = f"process {rank.number} of those that train together"
        raise UserError(f"{who}: {line}", *more) from error


def _lines(error: Exception) -> list[str]:
    if isinstance(error, UserError):
        return error.lines
    if wants_threads(error):
        return ["the system starts no more threads; set FINETRACK_WORKERS to fewer, 1 needs least"]
    if wants_memory(error):
        return [_LESS_MEMORY]
    if isinstance(error, OSError) and error.filename is not None:
        return [system_error_line(error)]
    line = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, OSError):
        line = system_error_line(error)
    return [f"{line} (FINETRACK_DEBUG=1 shows where)"]


def _report(lines: list[str], hint: str, code: int) -> int:
    first, *others = lines
    say("", f"finetrack: {first}", *others, *([hint] if hint else []), file=sys.stderr)
    return code
