"""torchrun, with one line where a process fails in place of its page, and time to save.

Run: python -m stages.tools.torchrun [options of torchrun] -m stages.fine_tune
"""

from stages.base.environment import prepare_process

prepare_process()

import os
import signal
import sys
from functools import partial

from torch.distributed.run import parse_args, run

from stages.base.entry_point import run_command
from stages.train.launch import SECONDS_TO_STOP, failure_of


def main() -> None:
    """Start the processes of this machine, and wait for them."""
    # Until torch's launcher listens to signals, the first process of a container would ignore one.
    signal.signal(signal.SIGTERM, _interrupt)
    # torch's launcher kills after 30 seconds what has not ended, be it a checkpoint that is saved.
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SECONDS_TO_STOP))
    options = parse_args(sys.argv[1:])  # type: ignore[no-untyped-call] # torch's own
    failure = failure_of(partial(run, options), options.max_restarts)
    if failure is not None:
        raise failure


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run_command(main)
