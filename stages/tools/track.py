"""Tell trackers of a run: fine_tune starts it with the names in FINETRACK_LOG.

Run: python -m stages.tools.track NAME...; it says that it is ready, then takes messages from stdin
until that ends (stages/train/tracking.py).
"""

from stages.base.environment import prepare_process

prepare_process()

import os
import signal
import sys
from datetime import datetime
from functools import partial
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.params import PARAMS
from stages.base.terminal import say
from stages.compare.dvc_lock import read_params
from stages.track.tracker import GuardedTracker, track
from stages.track.trackers import load_trackers
from stages.train.stop_request import STOP_SIGNALS
from stages.train.tracking import READY

_LOGS = Path("logs")


def run_name() -> str:
    """Return the name of the run: the time, and in an experiment of DVC also that one's name."""
    now = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    experiment = os.environ.get("DVC_EXP_NAME", "")
    return f"{now}-{experiment}" if experiment else now


def log(line: str) -> None:
    """Print a line beside those of training."""
    say(f"FINETRACK_LOG: {line}", file=sys.stderr)


def main() -> None:
    """Answer whether all packages are there, then tell what comes."""
    # Whoever stops training stops this by ending stdin; what trackers print goes to stderr, since
    # stdout has the answer.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            loaded = load_trackers(sys.argv[1:])
        except UserError as error:
            answer.write(str(error).encode())
            return
        answer.write(READY)
    name = run_name()
    trackers = [
        GuardedTracker(kind, partial(start, _LOGS / kind, name), log)
        for kind, start in loaded.items()
    ]
    params = read_params(PARAMS.read_bytes(), str(PARAMS))
    track(sys.stdin.buffer, params, trackers)


if __name__ == "__main__":
    run_command(main)
