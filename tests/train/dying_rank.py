"""What torchrun starts twice in test_torchrun: one of the two processes ends in their training."""

import signal
import sys
from pathlib import Path

from stages.base.entry_point import run_command
from tests.train.two_processes import fail_in_second, train_and_die_once, train_and_signal


def main() -> None:
    """Train, until the second process is killed, the first time or whenever it runs, or fails."""
    folder = Path(sys.argv[1])
    if sys.argv[2] == "killed":
        train_and_signal(folder, 1, signal.SIGKILL)
    elif sys.argv[2] == "killed once":
        train_and_die_once(folder, 1, batch_norm=True)
    else:
        fail_in_second(folder, ValueError("no such luck"))


if __name__ == "__main__":
    run_command(main)
