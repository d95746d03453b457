"""Starting several processes that train one model, and hearing of the one that failed."""

import os
from collections.abc import Callable
from signal import Signals

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from stages.base.errors import UserError
from stages.base.machine import cores
from stages.base.ranks import launched
from stages.train.device import refuse_missing


def launch(main: Callable[[], None], count: int, device: str) -> None:
    """Run a function here, or in so many processes on this machine, as torchrun would.

    A failure in one ends the others, and is a UserError with its number and what it said. What was
    launched already, by torchrun on several machines perhaps, launches nothing.
    """
    refuse_missing(count, device)
    if count == 1 or launched():
        return main()
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
    try:
        elastic_launch(config, main)()
    except ChildFailedError as error:
        raise UserError(_told(*error.get_first_failure())) from None
    except SignalException:
        raise KeyboardInterrupt(
            "Interrupted; the next run goes on from the last checkpoint."
        ) from None


def _told(rank: int, failure: ProcessFailure) -> str:
    """Return one line about a process that failed."""
    if failure.exitcode < 0:
        cause = f"was ended by {Signals(-failure.exitcode).name}"
    else:
        cause = f"failed: {failure.message.removeprefix('UserError: ')}"
    return f"process {rank} of those that train together {cause}"
