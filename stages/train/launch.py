"""Launching several processes that train one model, and reporting the one that failed."""

import logging
import os
from collections.abc import Callable
from functools import partial
from signal import SIGTERM, Signals
from threading import RLock, Thread
from time import sleep

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from tqdm import tqdm

from stages.base.environment import share_threads
from stages.base.errors import UserError
from stages.base.ranks import launched_by_torchrun
from stages.train.device import refuse_missing
from stages.train.lost_peer import LostPeer
from stages.train.stop_request import StopRequest

_NEXT_RUN = "the next run goes on from the last checkpoint"
_INTERRUPTED = f"Interrupted; {_NEXT_RUN}."
_INTERRUPTED_EXIT_CODE = 130  # of a process that ended by KeyboardInterrupt

# After a signal every process ends its step, and the first one saves a checkpoint, to a slow disk
# perhaps; torch's own launcher kills what has not ended after 30 seconds.
SECONDS_TO_STOP = 600
_GO_ON = "FINETRACK_RESTARTS=3, or torchrun's --max-restarts=3, goes on from the last checkpoint"
_OUT_OF_MEMORY = "where memory ran out, set a smaller fine_tune.batch_size"
_ITS_LINE = "its own line, above, says why"
_NO_MESSAGE = "To enable traceback"  # torch's, of a process that left none


class ProcessDied(UserError):
    """One of several processes ended, by a fault of the machine perhaps, and no mistake in it."""

    def __init__(self, what: str, *remedies: str) -> None:
        """Take which process ended by what cause, and what to do."""
        super().__init__("; ".join([what, *remedies]))
        self.what = what


def launch(
    main: Callable[..., None],
    count: int,
    device: str,
    *args: object,
    restarts: int = 0,
    log: Callable[[str], None] | None = None,
) -> None:
    """Run a function here, or in so many processes on this machine, as torchrun would.

    A failure in one ends the others, and is a UserError with its number and its message. Where it
    may be the machine's, all start again, which log is told, so many times. A process that
    torchrun launched already, on several machines perhaps, launches nothing.
    """
    refuse_missing(count, device)
    if count == 1 or launched_by_torchrun():
        main(*args)
        return
    share_threads(count)
    Thread(target=_end_with_dvc, args=[StopRequest()], daemon=True).start()
    together = partial(elastic_launch(_config(count), _in_process), main, *args)
    for restarts_left in range(restarts, -1, -1):
        failure = failure_of(together, restarts)
        if failure is None:
            return
        if not restarts_left or not isinstance(failure, ProcessDied):
            raise failure
        if log:
            log(f"{failure.what}; all start again from the last checkpoint")


def _in_process(main: Callable[..., None], *args: object) -> None:
    """Run a function as one of several processes.

    A bar takes a lock that processes share; Python warns of it when one of them is killed.
    """
    tqdm.set_lock(RLock())
    main(*args)


def failure_of(together: Callable[[], object], restarts: int) -> BaseException | None:
    """Run torch's launcher; return the error of the first process that failed, if one did.

    restarts: how often all start again by themselves, without which a signal has that remedy.
    torch's own report of a failure, a page of traces from every process, is left out.
    """
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    try:
        together()
    except SignalException:
        return KeyboardInterrupt(_INTERRUPTED)
    except ChildFailedError as error:
        return failure_error(*error.get_first_failure(), restarts)
    return None


def _config(count: int) -> LaunchConfig:
    """Return torchrun's settings for so many processes on this machine.

    The agent's own restarts would take a stop that was asked for, and a mistake, for a fault too.
    """
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=f"finetrack-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(),
        shutdown_timeout=SECONDS_TO_STOP,
    )


def _end_with_dvc(stop: StopRequest) -> None:
    """Ask all processes to stop when the DVC that started this one has died."""
    while not stop.asked:
        sleep(1)
    os.kill(os.getpid(), SIGTERM)


def failure_error(rank: int, failure: ProcessFailure, restarts: int) -> BaseException:
    """Return the error for a process that ended early: an interruption, or a failure in a line.

    What has a message, or a line of its own, is more often a mistake than the machine's fault, and
    a restart would meet it again: only to a signal or a lost connection is a restart the remedy.
    """
    if failure.exitcode == _INTERRUPTED_EXIT_CODE:
        return KeyboardInterrupt(_INTERRUPTED)
    what = f"process {rank} of those that train together"
    go_on = _NEXT_RUN if restarts else _GO_ON
    if failure.exitcode < 0:
        name = Signals(-failure.exitcode).name
        memory = [_OUT_OF_MEMORY] if name == "SIGKILL" else []
        return ProcessDied(f"{what} was ended by {name}", *memory, go_on)
    # The kind of an exception and its message; torch adds a trace to those of an uncaught one.
    message = failure.message
    text = message if isinstance(message, str) else message["message"]
    if text.startswith(prefix := f"{UserError.__name__}: "):
        return UserError(*text.removeprefix(prefix).split("\n"))
    if text.startswith(prefix := f"{LostPeer.__name__}: "):
        return ProcessDied(f"{what}: {text.removeprefix(prefix)}", go_on)
    if text.startswith(_NO_MESSAGE):
        return ProcessDied(f"{what} ended with exit code {failure.exitcode}", _ITS_LINE)
    return ProcessDied(f"{what} failed: {text}")
