"""Dask as the engine: its own client, whose futures name the worker they belong to."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from secrets import token_hex
from typing import Any

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


class _ByValue:
    """A function that is pickled with its code, by whatever pickles it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Take a function of on_worker."""
        import cloudpickle  # noqa: PLC0415 - comes with the engine

        cloudpickle.register_pickle_by_value(on_worker)
        try:
            self._reduced = (cloudpickle.loads, (cloudpickle.dumps(function),))
        finally:
            cloudpickle.unregister_pickle_by_value(on_worker)

    def __call__(self, *arguments: Any) -> Any:
        """Never be called: what a worker unpickles is the function itself."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduced


class DaskEngine:
    """A client of a scheduler that runs already."""

    worker_command = "dask worker"

    def __init__(self, address: str) -> None:
        """Connect to `tcp://HOST:PORT`, or to the scheduler that a JSON file names."""
        self.address = address
        try:
            import dask  # noqa: PLC0415 - not installed unless somebody wants it
            from distributed import Client  # noqa: PLC0415
        except ImportError:
            raise engine_missing("Dask", "requirements-extra.txt") from None
        # It prints traces about connections; what matters is an error here.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        dask.config.set({"distributed.comm.timeouts.connect": f"{SECONDS_TO_CONNECT}s"})
        place = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
        try:
            self._client = Client(**place, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise engine_silent("scheduler of Dask", address, error, "dask scheduler") from None
        self._ask = _ByValue(on_worker.ask)
        self._futures: dict[str, Any] = {}
        self._nannies: dict[str, str] = {}  # by worker; "" where it has none
        self._done: SimpleQueue[Any] = SimpleQueue()

    def slots(self) -> dict[str, int]:
        """Return the threads of each worker, by its address."""
        try:
            slots = dict(self._client.nthreads())
            if slots.keys() - self._nannies.keys():  # what is known of a worker is some kB
                known = self._client.scheduler_info(n_workers=-1)["workers"]
                self._nannies |= {worker: one.get("nanny") or "" for worker, one in known.items()}
        except (OSError, ValueError, RuntimeError) as error:
            raise engine_gone(self.address, error) from None
        return slots

    def keeper(self, worker: str) -> str:
        """Return the address of the worker's nanny, which stays, or its own where it has none."""
        return self._nannies.get(worker) or worker

    def submit(self, worker: str, run: Mapping[str, Any], payload: bytes) -> str:
        """Submit to one worker alone, since the engine knows nothing of who may do what."""
        try:
            future = self._client.submit(
                self._ask,
                run,
                payload,
                key=f"finetrack-{token_hex(8)}",
                workers=[worker],
                allow_other_workers=False,
                pure=False,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise engine_gone(self.address, error) from None
        self._futures[future.key] = future
        future.add_done_callback(self._done.put)
        return str(future.key)

    def finished(self, seconds: float) -> list[Finished]:
        """Wait for the first future that has ended; return it with the others that have."""
        ended = []
        with suppress(Empty):
            ended.append(self._done.get(timeout=seconds))
            while True:
                ended.append(self._done.get_nowait())
        return [self._fetch(future) for future in ended if future.key in self._futures]

    def cancel(self, keys: Iterable[str]) -> None:
        """Cancel futures; a task that runs looks itself whether the run has ended."""
        futures = [self._futures.pop(key) for key in keys if key in self._futures]
        with suppress(OSError, ValueError, RuntimeError):  # the scheduler is gone
            self._client.cancel(futures, force=True)

    def close(self) -> None:
        """Close the client."""
        self.cancel(list(self._futures))
        with suppress(OSError, ValueError, RuntimeError):
            self._client.close(timeout=SECONDS_TO_CONNECT)

    def _fetch(self, future: Any) -> Finished:
        del self._futures[future.key]
        try:
            return Finished(future.key, future.result(timeout=SECONDS_FOR_A_RESULT))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return Finished(future.key, None, f"{type(error).__name__}: {one_line(error)}")
