"""What spreading presize and ingest over Dask or Ray costs, beside two processes of this machine.

Parts: large (4000 x 3000), pets (500 x 375, which pass through), ingest, over Dask; ray_pets and
ray_ingest, the same over Ray. Two workers of Dask, each of one thread, or a head of Ray with two
CPUs, on this machine, against FINETRACK_WORKERS=2; both from an empty cache. A run is the whole of
what the stage does, the connection and the start of processes included.
Run: python -m benchmarks.cluster [part ...] [--rounds N], in an environment with
requirements-extra.txt and requirements-ray.txt; parts over what is not installed are left out.
Results: benchmarks/results/cluster.json.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, chdir, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import sleep
from typing import Any

import psutil

from benchmarks.measure import figure, machine, ratio, record, rounds
from benchmarks.photos import LARGE, PETS, fill, picture
from benchmarks.presize import PARAMS, manifest
from stages.cluster.cluster import open_workers
from stages.dataset.scan import scan_folder
from stages.store.writer import write_store

PACKAGES = ["pillow", "simplejpeg", "pyvips-binary", "numpy", "joblib", "distributed", "ray"]
PETS_PHOTOS = 7390


@contextmanager
def dask(folder: Path) -> Iterator[str]:
    """Run a scheduler and two workers; return the value of FINETRACK_EXECUTOR."""
    port = str(free_port())
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port]
    worker = ["distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", "--nworkers", "2"]
    options = ["--no-dashboard"]
    with (
        running([*scheduler, *options], folder),
        running([*worker, "--nthreads", "1", *options], folder),
    ):
        sleep(10)  # a cluster runs already when somebody uses it
        yield f"dask://127.0.0.1:{port}"


@contextmanager
def ray(folder: Path) -> Iterator[str]:
    """Run a head with two CPUs, as docs/cluster.md says; return the value of FINETRACK_EXECUTOR."""
    port = str(free_port())
    for_clients = ["--port", str(free_port()), "--ray-client-server-port", port]
    start = ["ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2"]
    little = ["--include-dashboard", "false", "--disable-usage-stats"]
    os.environ |= {"GRPC_ENABLE_FORK_SUPPORT": "0", "RAY_worker_niceness": "0"}
    os.environ["RAY_TMPDIR"] = str(folder)
    with running([*start, *for_clients, *little], folder):
        wait_for(int(port))
        sleep(10)
        yield f"ray://127.0.0.1:{port}"


@contextmanager
def running(module: list[str], folder: Path) -> Iterator[None]:
    """Run a module of Python in a folder; end it with all of its processes."""
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", *module]
    process = subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        tree = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait()
        for child in psutil.wait_procs(tree, timeout=5)[1]:
            child.kill()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def wait_for(port: int) -> None:
    """Wait for a server at a port of this machine, a minute at most."""
    for _ in range(60):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(1)
    raise SystemExit(f"nobody answers at port {port}")


ENGINES: dict[str, Callable[[Path], AbstractContextManager[str]]] = {"Dask": dask, "Ray": ray}


def compare(
    over: str, work: Callable[[], object], folder: Path, count: int, n: int
) -> dict[str, Any]:
    """Return the seconds a photo of some work here and over an engine, and their ratio."""

    def by(executor: str) -> Callable[[], object]:
        def contender() -> None:
            os.environ["FINETRACK_EXECUTOR"] = executor
            work()

        return contender

    os.environ["FINETRACK_WORKERS"] = "2"
    with ENGINES[over](folder) as address, chdir(folder):
        contenders = {"here": by("local"), over: by(address)}
        rounds(contenders, 1)  # once for the caches
        seconds = rounds(contenders, n)
    figures: dict[str, Any] = {
        f"seconds a photo, {name}": figure([time / count for time in times])
        for name, times in seconds.items()
    }
    more = [a - b for a, b in zip(seconds[over], seconds["here"], strict=True)]
    figures[f"{over} / here"] = ratio(seconds[over], seconds["here"])
    return figures | {f"seconds more over {over}": figure(more)}


def presize(over: str, folder: Path, n: int) -> dict[str, Any]:
    """Presize the photos of a folder, all of them anew."""
    images = manifest(folder / "photos")

    def work() -> None:
        for name in ("store", "private"):
            shutil.rmtree(folder / name, ignore_errors=True)
        with open_workers(print, str(folder / "photos")) as workers:
            store, private = folder / "store", folder / "private"
            problems = write_store(images, folder / "photos", store, private, PARAMS, workers)
        assert (problems["problem"] == "").all()

    return compare(over, work, folder, len(images), n)


def large(over: str, folder: Path, n: int) -> dict[str, Any]:
    """Presize 480 photos of 12 megapixels."""
    fill(folder / "photos", [picture(number, LARGE, 90) for number in range(12)], 480)
    return presize(over, folder, n)


def pets(over: str, folder: Path, n: int) -> dict[str, Any]:
    """Presize 7,390 photos that pass through, the quickest, so that overhead weighs most."""
    fill(folder / "photos", [picture(number, PETS, 96) for number in range(60)], PETS_PHOTOS)
    return presize(over, folder, n)


def ingest(over: str, folder: Path, n: int) -> dict[str, Any]:
    """Scan 7,390 photos: half a second of work, which a cluster cannot repay."""
    fill(folder / "photos", [picture(number, PETS, 96) for number in range(60)], PETS_PHOTOS)

    def work() -> None:
        with open_workers(print, str(folder / "photos")) as workers:
            assert len(scan_folder(folder / "photos", workers).facts) == PETS_PHOTOS

    return compare(over, work, folder, PETS_PHOTOS, n)


PARTS = {
    "large": partial(large, "Dask"),
    "pets": partial(pets, "Dask"),
    "ingest": partial(ingest, "Dask"),
    "ray_pets": partial(pets, "Ray"),
    "ray_ingest": partial(ingest, "Ray"),
}


def main() -> None:
    """Measure the parts asked for, each in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    for part in chosen.part or PARTS:
        package = "ray" if part.startswith("ray") else "distributed"
        if find_spec(package) is None:
            print(f"{part}: left out, {package} is not installed")
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            figures = PARTS[part](Path(folder), chosen.rounds)
        record("cluster", part, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
