"""An engine whose workers are threads of this process; their child processes are real."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import gettempdir
from threading import Lock
from typing import Any

from stages.cluster import on_worker
from stages.cluster.cluster import Cluster
from stages.cluster.engine import Engine, Finished
from stages.cluster.work import Work


class ThreadEngine:
    """Two workers, or those named; what one sees otherwise than the coordinator is in `odd`."""

    address = "threads"
    worker_command = "thread"

    def __init__(self, *workers: str, odd: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Take names of workers, and by name what differs in the run that reaches it."""
        self.workers = dict.fromkeys(workers or ("a", "b"), 1)
        self.given: list[str] = []  # the worker of each submission
        self._odd = odd or {}
        self._pool = ThreadPoolExecutor(8)
        self._numbers = count()
        self._wanted: dict[str, Future[tuple[bytes, bytes]]] = {}
        self._done: SimpleQueue[str] = SimpleQueue()
        # The first answers of all workers come at once, so that each has a share of the work.
        self._meeting = Lock()
        self._unmet = set(self.workers)
        self._first: list[str] = []

    def slots(self) -> dict[str, int]:
        """Return the workers."""
        return dict(self.workers)

    def keeper(self, worker: str) -> str:
        """Return the first letter of a worker's name, so that a1 and a2 have the same."""
        return worker[0]

    def submit(self, worker: str, run: Mapping[str, Any], payload: bytes) -> str:
        """Ask a worker in a thread; each has children of its own."""
        key = str(next(self._numbers))
        mark = Path(gettempdir(), run["mark"], worker)
        mark.mkdir(parents=True, exist_ok=True)
        own = {**run, **self._odd.get(worker, {}), "mark": str(mark)}
        self.given.append(worker)
        self._wanted[key] = self._pool.submit(on_worker.ask, own, payload)
        self._wanted[key].add_done_callback(lambda _: self._ended(worker, key))
        return key

    def finished(self, seconds: float) -> list[Finished]:
        """Return one that has ended, or none."""
        try:
            key = self._done.get(timeout=seconds)
        except Empty:
            return []
        return [Finished(key, self._wanted.pop(key).result())] if key in self._wanted else []

    def cancel(self, keys: Iterable[str]) -> None:
        """Forget submissions."""
        for key in list(keys):
            self._wanted.pop(key, None)

    def close(self) -> None:
        """Do nothing: the threads end with their children."""

    def _ended(self, worker: str, key: str) -> None:
        with self._meeting:
            if worker in self._unmet:
                self._unmet.remove(worker)
                self._first.append(key)
            else:
                self._done.put(key)
            if not self._unmet:
                for first in self._first:
                    self._done.put(first)
                self._first.clear()


def work_of(function: Any, arguments: list[Any], **options: Any) -> Work[Any, Any]:
    """Return work whose answers are all good, unless the options say otherwise."""
    plain: dict[str, Any] = {
        "photo": None,
        "attempt": lambda argument, _: argument,
        "in_work": str,
        "unread": lambda _: [],
    }
    return Work(function=function, arguments=arguments, **(plain | options))


def cluster_of(engine: Engine, root: Path, log: list[str]) -> Cluster:
    """Return a cluster of an engine, whose mark lies in a folder."""
    mark = root / "mark"
    mark.mkdir(exist_ok=True)
    return Cluster(engine, mark, log.append)
