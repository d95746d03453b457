"""torchrun, with one line where a process fails in place of its page, and time to save.

Run: python -m stages.tools.torchrun [options of torchrun] -m stages.fine_tune
"""

from stages.base.environment import prepare_process

prepare_process()

import os
import signal
import sys
from argparse import Namespace
from functools import partial

from torch.distributed.run import parse_args, run

from stages.base.entry_point import run_command
from stages.train.launch import SECONDS_TO_STOP, failure_of


def main() -> None:
    """Start the processes of this machine, and wait for them."""
    # Until torch's launcher listens to signals, the first process of a container would ignore one.
    signal.signal(signal.SIGTERM, _interrupt)
    options = torchrun_options(sys.argv[1:])
    failure = failure_of(partial(run, options), options.max_restarts)
    if failure is not None:
        raise failure


def torchrun_options(arguments: list[str]) -> Namespace:
    """Return torchrun's options, and set the variables by which its launcher does as it should."""
    # torch's launcher kills after 30 seconds what has not ended, be it a checkpoint that is saved.
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SECONDS_TO_STOP))
    # With one store for all attempts the processes of the second one read in it where those of the
    # first listened, and are refused there or wait for each other: so did 3 restarts of 3. It acts
    # on c10d, by which torchrun meets on one machine unless an address is named.
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    options: Namespace = parse_args(arguments)  # type: ignore[no-untyped-call] # torch's own
    return options


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run_command(main)
