"""Ray as the engine: its own client, whose tasks are each bound to one node.

A node of Ray is a worker here: it has a slot for each CPU, and starts processes as it needs them.
"""

import logging
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from threading import Thread
from time import sleep
from typing import Any
from urllib.parse import urlsplit

from stages.cluster import on_worker
from stages.cluster.engine import (
    SECONDS_FOR_A_RESULT,
    SECONDS_TO_CONNECT,
    Finished,
    engine_gone,
    engine_missing,
    engine_silent,
    one_line,
)

# The head starts a process for each client by a fork that meets threads of gRPC: now and then it
# dies, or waits for ever (https://github.com/ray-project/ray/issues/63202).
_MOST_TRIES_TO_CONNECT = 3
_SECONDS_TO_START = 120  # that process, in 4 s; beside real-time processes it has taken 52 s


class RayEngine:
    """A client of a Ray that runs already, connected to the server for clients at its head."""

    worker_command = "ray start"

    def __init__(self, address: str) -> None:
        """Connect to `ray://HOST:PORT`."""
        self.address = address
        # Under `uv run` Ray would else send the working directory, with the photos, to each node.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        try:
            import grpc  # noqa: PLC0415 - not installed unless somebody wants it
            import ray  # noqa: PLC0415
            from ray.util.scheduling_strategies import (  # noqa: PLC0415
                NodeAffinitySchedulingStrategy,
            )
        except ImportError:
            raise engine_missing("Ray", "requirements-ray.txt") from None
        self._ray = ray
        self._errors = (OSError, ValueError, RuntimeError, grpc.RpcError, ray.exceptions.RayError)
        # Ray starts another process in the place of one that has died.
        self._deaths = (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError)
        self._on_node = NodeAffinitySchedulingStrategy
        self._connect()
        # So that a node needs no source to call it. Ray has a cloudpickle of its own.
        ray.cloudpickle.register_pickle_by_value(on_worker)
        # Once alone: who tries a task again is decided by stages/cluster/spread.py.
        self._ask = ray.remote(num_cpus=1, max_retries=0)(on_worker.ask)
        self._node_ids: dict[str, str] = {}  # by the name of the worker
        self._tasks: dict[str, Any] = {}
        self._numbers = count()

    def slots(self) -> dict[str, int]:
        """Return the CPUs of each node that has one, by its address and the start of its id."""
        try:
            nodes = self._ray.nodes()
        except self._errors as error:
            raise engine_gone(self.address, error) from None
        slots = {}
        for node in nodes:
            cpus = int(node["Resources"].get("CPU", 0))
            if node["Alive"] and cpus:
                # Several may run on one machine, and one that starts again has another id.
                name = f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})"
                self._node_ids[name] = node["NodeID"]
                slots[name] = cpus
        return slots

    def keeper(self, worker: str) -> str:
        """Return the node itself, which starts processes anew and keeps its name."""
        return worker

    def submit(self, worker: str, run: Mapping[str, Any], payload: bytes) -> str:
        """Submit to one node alone, since the engine knows nothing of who may do what."""
        place = self._on_node(self._node_ids[worker], soft=False)
        try:
            task = self._ask.options(scheduling_strategy=place).remote(dict(run), payload)
        except self._errors as error:
            raise engine_gone(self.address, error) from None
        key = str(next(self._numbers))
        self._tasks[key] = task
        return key

    def finished(self, seconds: float) -> list[Finished]:
        """Wait for the first task that has ended; return it with the others that have."""
        if not self._tasks:
            sleep(seconds)
            return []
        keys = {task: key for key, task in self._tasks.items()}
        try:
            ended, others = self._ray.wait(list(keys), timeout=seconds)
            if ended and others:
                ended += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        except self._errors as error:
            raise engine_gone(self.address, error) from None
        return [self._fetch(keys[task]) for task in ended]

    def cancel(self, keys: Iterable[str]) -> None:
        """Cancel tasks; the process of one that runs is killed, and its child ends with it."""
        tasks = [self._tasks.pop(key) for key in keys if key in self._tasks]
        with suppress(*self._errors):  # the head is gone
            for task in tasks:
                self._ray.cancel(task, force=True)

    def close(self) -> None:
        """Disconnect, upon which Ray ends the processes that it started for this run."""
        self.cancel(list(self._tasks))
        with suppress(*self._errors):
            self._ray.shutdown()

    def _connect(self) -> None:
        try:
            place = urlsplit(self.address)  # without a listener Ray would try for half a minute
            socket.create_connection((place.hostname, place.port), SECONDS_TO_CONNECT).close()
            for _ in range(_MOST_TRIES_TO_CONNECT - 1):
                with suppress(ConnectionAbortedError):
                    self._start()
                    return
            self._start()
        except self._errors as error:
            what = "server of Ray for clients"
            raise engine_silent(what, self.address, error, "ray start --head") from None

    def _start(self) -> None:
        """Connect once, in a thread, since Ray itself may wait for ever."""
        logging.getLogger("ray").setLevel(logging.CRITICAL)  # it warns of the thread
        outcome: SimpleQueue[Exception | None] = SimpleQueue()

        def init() -> None:
            try:
                # It prints what it does; what matters is an error here.
                self._ray.init(self.address, log_to_driver=False, logging_level=logging.CRITICAL)
                outcome.put(None)
            except Exception as error:
                outcome.put(error)

        Thread(target=init, daemon=True).start()
        try:
            error = outcome.get(timeout=_SECONDS_TO_START)
        except Empty:
            why = f"no answer in {_SECONDS_TO_START} s: the head needs GRPC_ENABLE_FORK_SUPPORT=0"
            raise TimeoutError(why) from None
        if error:
            raise error

    def _fetch(self, key: str) -> Finished:
        task = self._tasks.pop(key)
        try:
            return Finished(key, self._ray.get(task, timeout=SECONDS_FOR_A_RESULT))
        except self._errors as error:
            failure = f"{type(error).__name__}: {one_line(error)}"
            return Finished(key, None, failure, replaced=isinstance(error, self._deaths))
