"""A scheduler and workers of Dask as people start them, and a small project to spread over them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.tiny_repo import Repo, copy_of, copy_project, draw, hashes

LABELS = ("disc", "square", "stripes")
OUTPUTS = ("data/manifest", "data/presized", "reports/ingest", "reports/presize")
needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None,
    reason="Dask is not installed: pip install -r requirements-extra.txt -c requirements.txt",
)


class Dask:
    """A scheduler with its workers, which may be killed."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", within: Sequence[str] = ()) -> None:
        """Start a scheduler, by a command that runs it elsewhere perhaps."""
        self.folder = folder
        self.port = free_port()
        self.address = f"dask://{host}:{self.port}"
        options = ["--host", host, "--port", str(self.port), "--no-dashboard"]
        self.scheduler = self._start("scheduler", [*within, *dask("scheduler"), *options])
        self.workers: list[subprocess.Popen[bytes]] = []

    def add_worker(self, *options: str, within: Sequence[str] = ()) -> None:
        """Start a worker of one thread, with a nanny that replaces it when it dies."""
        name = f"worker-{len(self.workers)}"
        where = ["--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
        place = ["--local-directory", str(self.folder / name)]
        address = self.address.replace("dask://", "tcp://")
        command = [*within, *dask("worker"), address, *where, *place, *options]
        self.workers.append(self._start(name, command))

    def processes(self) -> list[psutil.Process]:
        """Return the processes that do the work of the workers, which nannies have started."""
        found = []
        for nanny in self.workers:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(nanny.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if any("spawn_main" in word for word in child.cmdline()):
                            found.append(child)
        return found

    def stop(self) -> None:
        """End all of it."""
        for process in [*self.workers, self.scheduler]:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            process.kill()
            process.wait()

    def _start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            # Workers know of no source but by the run, as on a machine that has none.
            environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
            return subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, env=environment
            )


def dask(command: str) -> list[str]:
    """Return how a command of Dask is started in this environment."""
    return [sys.executable, "-m", f"distributed.cli.dask_{command}"]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running_dask(folder: Path, workers: int = 2) -> Iterator[Dask]:
    """Run a scheduler and so many workers."""
    folder.mkdir(parents=True, exist_ok=True)
    one = Dask(folder)
    try:
        for _ in range(workers):
            one.add_worker()
        yield one
    finally:
        one.stop()


def project_with_photos(folder: Path, count: int, params: dict[str, object] | None = None) -> Repo:
    """Return a project with so many photos of each of three classes, and no results."""
    repo = copy_project(folder)
    photos = folder / "data" / "photos"
    photos.mkdir(parents=True)
    for label in LABELS:
        for number in range(count):
            draw(label, number).save(photos / f"{label}_{number:03}.jpg", quality=90)
    repo.change({"presize.shards": 8} | (params or {}))
    return repo


def spread_project(folder: Path, count: int) -> Repo:
    """Return a project in which one machine has run ingest and presize."""
    repo = project_with_photos(folder, count)
    run_stage(repo, "ingest", "local")
    run_stage(repo, "presize", "local")
    return repo


def without_results(repo: Repo, folder: Path) -> Repo:
    """Return a copy of a project without results of ingest and presize."""
    copy = copy_of(repo, folder)
    for name in (*OUTPUTS, ".finetrack"):
        shutil.rmtree(copy.path / name)
    return copy


def start_stage(repo: Repo, stage: str, executor: str) -> "subprocess.Popen[str]":
    """Start a stage whose work is done by an executor."""
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=repo.path,
        env={**repo.environment(), "FINETRACK_EXECUTOR": executor, "FINETRACK_WORKERS": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_stage(repo: Repo, stage: str, executor: str, code: int = 0) -> str:
    """Run a stage; return all that it says, once its exit code is right."""
    process = start_stage(repo, stage, executor)
    output = process.communicate(timeout=300)[0]
    assert process.returncode == code, output
    return output


def results(repo: Repo) -> dict[str, dict[str, str]]:
    """Return the hashes of what ingest and presize have written."""
    return {name: hashes(repo.path / name) for name in OUTPUTS}


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds; fail when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(process: psutil.Process) -> None:
    """Kill a process, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
