"""Training of the digits beside that of an earlier commit, in turn, in one run.

Each commit has a process of its own, opened as fine_tune has it; they take a few steps each, first
the one and then the other, so that a slow minute hits both. The one that waits has its next batches
ready, so a round begins with a few that it did not have to wait for, in both alike. Two processes
of the same commit differ by up to 4 %, all their lives, so there are several pairs of them, and a
pair gives one ratio.
Run: python -m benchmarks.earlier COMMIT. Results: benchmarks/results/earlier.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, chdir
from itertools import islice
from pathlib import Path
from statistics import median
from typing import IO

from benchmarks.measure import figure, machine, ratio, record
from benchmarks.photos import ROOT

PAIRS = 6
ROUNDS = 12  # of a pair
STEPS = 12  # a round of about two seconds, since the machine itself varies from minute to minute
WARM_UP = 3  # rounds that do not count: the first steps take memory and choose algorithms
PACKAGES = ["torch", "timm", "numba", "numpy"]


def serve() -> None:
    """Train a round for every line that comes in, and print its images/s.

    What it imports is of the commit in PYTHONPATH.
    """
    from benchmarks.feeding import all_epochs, open_training, train_on
    from benchmarks.training import prepare, recipe_values
    from stages.train.recipe import DEEP

    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch) / "digits", None, recipe_values(DEEP))
        with chdir(Path(scratch) / "digits"):
            trainer, loaders = open_training(frozen=False)
            batches = all_epochs(loaders)
            for _ in sys.stdin:
                print(train_on(trainer, islice(batches, STEPS))[0], flush=True)


def open_server(source: Path, stack: ExitStack) -> "subprocess.Popen[str]":
    """Return the process that trains with a source."""
    environment = os.environ | {"PYTHONPATH": str(source)}
    command = [sys.executable, "-P", __file__, "serve"]
    pipe = subprocess.PIPE
    server = subprocess.Popen(
        command, cwd=source, env=environment, stdin=pipe, stdout=pipe, text=True
    )
    stack.callback(server.wait)
    stack.callback(pipe_of(server.stdin).close)
    return server


def pipe_of(pipe: IO[str] | None) -> IO[str]:
    """Return a pipe that was asked for, so is one."""
    assert pipe is not None
    return pipe


def one_round(server: "subprocess.Popen[str]") -> float:
    """Return the images/s of one round."""
    requests = pipe_of(server.stdin)
    requests.write("\n")
    requests.flush()
    return float(pipe_of(server.stdout).readline())


def one_pair(sources: tuple[Path, Path]) -> tuple[float, float]:
    """Return the median images/s of a process of each source, in turn."""
    with ExitStack() as stack:
        servers = [open_server(source, stack) for source in sources]
        speeds: list[list[float]] = [[], []]
        for number in range(WARM_UP + ROUNDS):
            for which in (0, 1) if number % 2 else (1, 0):
                speed = one_round(servers[which])
                if number >= WARM_UP:
                    speeds[which].append(speed)
    return median(speeds[0]), median(speeds[1])


def main() -> None:
    """Compare this commit with an earlier one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    commit = parser.parse_args().commit
    if commit == "serve":
        serve()
        return
    git = ["git", "-C", str(ROOT)]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        tree = Path(scratch) / "earlier"
        subprocess.run([*git, "worktree", "add", "--detach", str(tree), commit], check=True)
        stack.callback(subprocess.run, [*git, "worktree", "remove", "--force", str(tree)])
        (tree / "data/weights").mkdir(parents=True, exist_ok=True)
        now, earlier = zip(*(one_pair((ROOT, tree)) for _ in range(PAIRS)), strict=True)
    figures = {
        "images/s, now": figure(now),
        "images/s, earlier": figure(earlier),
        "images/s, now / earlier": ratio(now, earlier, "at least 1"),
    }
    record("earlier", f"digits, 96 px, beside {commit}", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
