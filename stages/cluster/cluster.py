"""Cluster: an engine over which a stage spreads its work, in place of processes on this machine."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import Any

from stages.base.child_process import Answer, Argument, Death
from stages.base.environment import executor_address, workers
from stages.base.parts import PRIVATE_FOLDER
from stages.base.system_errors import unwritable
from stages.cluster.dask_engine import DaskEngine
from stages.cluster.engine import Engine
from stages.cluster.facts import SOURCE, facts, package_names
from stages.cluster.ray_engine import RayEngine
from stages.cluster.scratch import Scratch, open_scratch
from stages.cluster.spread import Spread
from stages.cluster.work import Work

_MARKS = PRIVATE_FOLDER / "cluster"


class Cluster:
    """An engine, with the run's mark: a folder that all workers see, and that goes when it ends."""

    def __init__(
        self,
        engine: Engine,
        mark: Path,
        log: Callable[[str], None],
        scratch: Scratch | None = None,
    ) -> None:
        """Take an engine that is connected; log is told of faults of workers.

        scratch: where workers leave what they make when they share no folder with this machine.
        """
        self.scratch = scratch
        self._engine = engine
        self._mark = mark
        self._log = log
        self._spread: Spread[Any, Any] | None = None

    @property
    def state(self) -> str:
        """The workers in a few words, for a progress bar."""
        return self._spread.state if self._spread else ""

    def run(self, work: Work[Argument, Answer]) -> Iterator[tuple[Argument, Answer | Death]]:
        """Yield what each attempt was given with its answer, in the order in which they end."""
        packages = package_names()
        photo = str(work.photo) if work.photo else ""
        run = {
            "mark": f"finetrack-{self.scratch.name}" if self.scratch else str(self._mark),
            "scratch": self.scratch.url if self.scratch else "",
            "source": str(SOURCE),
            "folder": str(Path.cwd()),
            "photo": photo,
            "packages": packages,
            "expected": facts(photo, packages),
        }
        spread = Spread(self._engine, work, run, self._log)
        self._spread = spread
        yield from spread.results()


@contextmanager
def open_workers(log: Callable[[str], None], images: str) -> Iterator[int | Cluster]:
    """Return who does the work: so many processes here, or the cluster of FINETRACK_EXECUTOR.

    images: where the photos are, as params.yaml names it, to which nothing is written.
    """
    address = executor_address()
    if not address:
        yield workers()
        return
    mark = _new_mark()
    try:
        engine = _connect(address)
        scratch = None
        try:
            scratch = open_scratch(images)
            yield Cluster(engine, mark, log, scratch)
        finally:
            rmtree(mark, ignore_errors=True)  # before the engine is asked anything: it may be gone
            if scratch:
                scratch.close()
            engine.close()
    finally:
        rmtree(mark, ignore_errors=True)


def _connect(address: str) -> Engine:
    return RayEngine(address) if address.startswith("ray://") else DaskEngine(address)


def _new_mark() -> Path:
    """Create this run's mark; remove those of runs in this folder that were killed."""
    rmtree(_MARKS, ignore_errors=True)
    mark = _MARKS.absolute() / f"{os.getpid()}-{token_hex(8)}"
    try:
        mark.mkdir(parents=True)
    except OSError as error:
        raise unwritable(mark, error) from None
    return mark
