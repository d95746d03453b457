"""What spreading presize and ingest over Dask costs, beside two processes of this machine.

Parts: large (4000 x 3000), pets (500 x 375, which pass through), ingest. Two workers of Dask, each
of one thread, on this machine, against FINETRACK_WORKERS=2; both from an empty cache. A run is the
whole of what the stage does, the connection and the start of processes included.
Run: python -m benchmarks.cluster [part ...] [--rounds N], in an environment with
requirements-extra.txt. Results: benchmarks/results/cluster.json.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from time import sleep
from typing import Any

from benchmarks.measure import figure, machine, ratio, record, rounds
from benchmarks.photos import LARGE, PETS, fill, picture
from benchmarks.presize import PARAMS, manifest
from stages.cluster.cluster import open_workers
from stages.dataset.scan import scan_folder
from stages.store.writer import write_store

PACKAGES = ["pillow", "simplejpeg", "pyvips-binary", "numpy", "joblib", "distributed"]
PETS_PHOTOS = 7390


@contextmanager
def dask(folder: Path) -> Iterator[str]:
    """Run a scheduler and two workers; return the value of FINETRACK_EXECUTOR."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    start = [sys.executable, "-m"]
    scheduler = [
        *start,
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    worker = [*start, "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", "--nworkers", "2"]
    options = ["--no-dashboard"]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen([*scheduler, *options], **quiet),  # type: ignore[call-overload]
        subprocess.Popen([*worker, "--nthreads", "1", *options], **quiet),  # type: ignore[call-overload]
    ]
    try:
        sleep(10)  # a cluster runs already when somebody uses it
        yield f"dask://127.0.0.1:{port}"
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def compare(work: Callable[[], object], folder: Path, count: int, n: int) -> dict[str, Any]:
    """Return the seconds a photo of some work here and on Dask, and their ratio."""

    def by(executor: str) -> Callable[[], object]:
        def contender() -> None:
            os.environ["FINETRACK_EXECUTOR"] = executor
            work()

        return contender

    os.environ["FINETRACK_WORKERS"] = "2"
    with dask(folder) as address, chdir(folder):
        contenders = {"here": by("local"), "Dask": by(address)}
        rounds(contenders, 1)  # once for the caches
        seconds = rounds(contenders, n)
    figures: dict[str, Any] = {
        f"seconds a photo, {name}": figure([time / count for time in times])
        for name, times in seconds.items()
    }
    return figures | {"Dask / here": ratio(seconds["Dask"], seconds["here"])}


def presize(folder: Path, n: int) -> dict[str, Any]:
    """Presize the photos of a folder, all of them anew."""
    images = manifest(folder / "photos")

    def work() -> None:
        for name in ("store", "private"):
            shutil.rmtree(folder / name, ignore_errors=True)
        with open_workers(print) as workers:
            store, private = folder / "store", folder / "private"
            problems = write_store(images, folder / "photos", store, private, PARAMS, workers)
        assert (problems["problem"] == "").all()

    return compare(work, folder, len(images), n)


def large(folder: Path, n: int) -> dict[str, Any]:
    """Presize 480 photos of 12 megapixels."""
    fill(folder / "photos", [picture(number, LARGE, 90) for number in range(12)], 480)
    return presize(folder, n)


def pets(folder: Path, n: int) -> dict[str, Any]:
    """Presize 7,390 photos that pass through, the quickest, so that overhead weighs most."""
    fill(folder / "photos", [picture(number, PETS, 96) for number in range(60)], PETS_PHOTOS)
    return presize(folder, n)


def ingest(folder: Path, n: int) -> dict[str, Any]:
    """Scan 7,390 photos: half a second of work, which a cluster cannot repay."""
    fill(folder / "photos", [picture(number, PETS, 96) for number in range(60)], PETS_PHOTOS)

    def work() -> None:
        with open_workers(print) as workers:
            assert len(scan_folder(folder / "photos", workers).facts) == PETS_PHOTOS

    return compare(work, folder, PETS_PHOTOS, n)


PARTS = {"large": large, "pets": pets, "ingest": ingest}


def main() -> None:
    """Measure the parts asked for, each in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    for part in chosen.part or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[part](Path(folder), chosen.rounds)
        record("cluster", part, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
