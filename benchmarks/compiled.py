"""What FINETRACK_KERNELS brings in training, and what the compilation of a step costs.

Three processes, one of each choice, are opened as fine_tune has them and train from the real
loader, a few steps each in turn, so that a slow minute hits all; a process gives the median of its
rounds, and three processes of each choice a ratio each. Compiled steps start once with an empty
cache of inductor and once, in a further process, with a full one.
Run: python -m benchmarks.compiled [digits] [probe]. Results: benchmarks/results/compiled.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.earlier import one_round, pipe_of
from benchmarks.measure import figure, machine, ratio, record, timed
from benchmarks.photos import ROOT
from benchmarks.training import prepare, recipe_values

CHOICES = ("same", "any", "compiled")
PACKAGES = ["torch", "timm", "numba", "numpy"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is trained, and how long: sets of three processes, rounds of steps."""

    about: str
    deep: bool
    sets: int
    rounds: int
    steps: int


PARTS = {
    "digits": Part(about="digits, lite0 cut at 16, 96 px", deep=True, sets=3, rounds=8, steps=12),
    "probe": Part(
        about="digits, from the probe, lite2, 288 px", deep=False, sets=1, rounds=3, steps=3
    ),
}


def serve(steps: int) -> None:
    """Print the seconds of the first step, then for every line that comes in a round's images/s."""
    from benchmarks.feeding import all_epochs, open_training, train_on

    trainer, loaders = open_training(frozen=False)
    batches = all_epochs(loaders)
    first = list(islice(batches, 1))
    sys.stdin.readline()
    print(timed(lambda: train_on(trainer, first)), flush=True)
    for _ in sys.stdin:
        print(train_on(trainer, islice(batches, steps))[0], flush=True)


def open_server(
    folder: Path, choice: str, temporary: Path, steps: int, stack: ExitStack
) -> "subprocess.Popen[str]":
    """Return a process that trains what lies in a folder, by a choice of kernels.

    temporary: where inductor keeps code and compiled headers, as it would in /tmp.
    """
    pipe = subprocess.PIPE
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.compiled", "serve", str(steps)],
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "FINETRACK_KERNELS": choice,
            "TMPDIR": str(temporary),
        },
        stdin=pipe,
        stdout=pipe,
        text=True,
    )
    stack.callback(server.wait)
    stack.callback(pipe_of(server.stdin).close)
    return server


@dataclass(frozen=True, kw_only=True)
class SetResult:
    """What three processes and a further compiled one gave."""

    speeds: Mapping[str, float]  # images/s by choice
    first_steps: Mapping[str, float]  # seconds by choice, of `compiled` with an empty cache
    warm: float  # seconds of the first compiled step with a full cache


def one_set(folder: Path, part: Part, temporary: Path) -> SetResult:
    """Measure a process of each choice, in turn; the temporary folder is new."""
    temporary.mkdir()
    with ExitStack() as stack:
        servers = {
            choice: open_server(folder, choice, temporary, part.steps, stack) for choice in CHOICES
        }
        first_steps = {choice: one_round(server) for choice, server in servers.items()}
        speeds: dict[str, list[float]] = {choice: [] for choice in CHOICES}
        for number in range(1 + part.rounds):
            order = CHOICES if number % 2 else CHOICES[::-1]
            for choice in order:
                speed = one_round(servers[choice])
                if number:
                    speeds[choice].append(speed)
    with ExitStack() as stack:
        warm = one_round(open_server(folder, "compiled", temporary, part.steps, stack))
    medians = {choice: median(values) for choice, values in speeds.items()}
    return SetResult(speeds=medians, first_steps=first_steps, warm=warm)


def figures_of(sets: list[SetResult]) -> dict[str, object]:
    """Return the figures of all sets of processes."""
    speeds = {choice: [one.speeds[choice] for one in sets] for choice in CHOICES}
    cold = [one.first_steps["compiled"] for one in sets]
    plain = median(speeds["same"])
    compiled = median(speeds["compiled"])
    saved = 1 / plain - 1 / compiled  # seconds an image
    pays: dict[str, object] = {}
    for name, seconds in (("empty", cold), ("full", [one.warm for one in sets])):
        images = round(median(seconds) / saved) if saved > 0 else "never"
        pays[f"images from which compiled is sooner done, {name} cache"] = images
    return {
        **{f"images/s, {choice}": figure(values) for choice, values in speeds.items()},
        "images/s, any / same": ratio(speeds["any"], speeds["same"]),
        "images/s, compiled / same": ratio(speeds["compiled"], speeds["same"]),
        "seconds of the first step, same": figure([one.first_steps["same"] for one in sets]),
        "seconds of the first step, compiled, empty cache": figure(cold),
        "seconds of the first step, compiled, full cache": figure([one.warm for one in sets]),
        **pays,
    }


def main() -> None:
    """Measure the parts asked for, or both."""
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
        return
    from stages.train.recipe import DEEP, FROM_PROBE

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="part")
    for name in parser.parse_args().parts:
        part = PARTS[name]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "digits"
            prepare(folder, None, recipe_values(DEEP if part.deep else FROM_PROBE))
            # g++ is given the path without quotes: a space would end it.
            folders = [Path(scratch) / f"set{number}" for number in range(part.sets)]
            sets = [one_set(folder, part, temporary) for temporary in folders]
        record("compiled", part.about, machine(PACKAGES), figures_of(sets))


if __name__ == "__main__":
    main()
