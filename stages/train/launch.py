"""Starting several processes that train one model, and hearing of the one that failed."""

import logging
import os
from collections.abc import Callable
from signal import SIGTERM, Signals
from threading import Thread
from time import sleep
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from stages.base.environment import cores
from stages.base.errors import UserError
from stages.base.ranks import launched_by_torchrun
from stages.train.device import refuse_missing
from stages.train.interrupt import StopRequest

STOPPED = "Interrupted; the next run goes on from the last checkpoint."
INTERRUPTED = 130  # the exit code of a process that ended by KeyboardInterrupt


def launch(main: Callable[..., None], count: int, device: str, *args: Any) -> None:
    """Run a function here, or in so many processes on this machine, as torchrun would.

    A failure in one ends the others, and is a UserError with its number and what it said. What was
    launched already, by torchrun on several machines perhaps, launches nothing.
    """
    refuse_missing(count, device)
    if count == 1 or launched_by_torchrun():
        return main(*args)
    # As torchrun does, since the threads of one operation wait for each other by spinning.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // count)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=f"finetrack-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(),
    )
    Thread(target=_end_with_dvc, args=[StopRequest()], daemon=True).start()
    # Its own account of a failure is a page of traces, from every process.
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    try:
        elastic_launch(config, main)(*args)
    except SignalException:
        raise KeyboardInterrupt(STOPPED) from None
    except ChildFailedError as error:
        raise _told(*error.get_first_failure()) from None


def _end_with_dvc(stop: StopRequest) -> None:
    """Ask all processes to stop when the DVC that started this one has died."""
    while not stop.asked:
        sleep(1)
    os.kill(os.getpid(), SIGTERM)


def _told(rank: int, failure: ProcessFailure) -> BaseException:
    """Return what a process that ended early means: an interruption, or a failure in one line."""
    if failure.exitcode == INTERRUPTED:
        return KeyboardInterrupt(STOPPED)
    if failure.exitcode < 0:
        cause = f"was ended by {Signals(-failure.exitcode).name}"
    else:
        # Words of an exception, with its kind; torch adds a trace to those of an uncaught one.
        said = failure.message
        text = said if isinstance(said, str) else said["message"]
        if text.startswith(prefix := f"{UserError.__name__}: "):
            return UserError(text.removeprefix(prefix))
        cause = f"failed: {text}"
    return UserError(f"process {rank} of those that train together {cause}")
