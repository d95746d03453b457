"""Engine: what is asked of a cluster's scheduler, whichever it is."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from stages.base.errors import RUN_AGAIN, UserError

SECONDS_TO_CONNECT = 10
SECONDS_FOR_A_RESULT = 10  # of some kB, from a worker that may end before it is fetched


class Finished(NamedTuple):
    """A submission that has ended: with the answer of `on_worker.ask`, or the engine's failure."""

    key: str
    answer: tuple[bytes, bytes] | None
    failure: str = ""  # what the engine says where there is no answer
    replaced: bool = False  # the worker goes on with another process than the one that failed


class Engine(Protocol):
    """A running scheduler with workers, to which this process is connected."""

    @property
    def address(self) -> str:
        """Where the scheduler is, as a person named it."""

    @property
    def worker_command(self) -> str:
        """The command that starts a worker."""

    def slots(self) -> dict[str, int]:
        """Return how many tasks each worker takes at once, by its address, as it is now.

        Raises UserError when the scheduler is gone.
        """

    def keeper(self, worker: str) -> str:
        """Return what starts a worker anew under another name when it dies, a nanny of Dask.

        That is the worker itself where nothing does, or where its name stays.
        """

    def submit(self, worker: str, run: Mapping[str, Any], payload: bytes) -> str:
        """Let one worker call `on_worker.ask`; return the key of this submission."""

    def finished(self, seconds: float) -> list[Finished]:
        """Wait until a submission has ended, or so long; return all that have."""

    def cancel(self, keys: Iterable[str]) -> None:
        """Forget submissions; those that have not started never will."""

    def close(self) -> None:
        """Disconnect; the engine runs on."""


def engine_missing(name: str, requirements: str) -> UserError:
    """Return the error of an engine whose package is not installed."""
    return UserError(
        f"FINETRACK_EXECUTOR names {name}, which is not installed: "
        f"pip install -r {requirements} -c requirements.txt"
    )


def engine_silent(what: str, address: str, error: object, command: str) -> UserError:
    """Return the error of an engine to which nothing connects, with the command that starts it."""
    return UserError(
        f"FINETRACK_EXECUTOR: no {what} answers at {address} ({one_line(error)}); "
        f"start it ({command}), or unset the variable to work here"
    )


def engine_gone(address: str, error: Exception) -> UserError:
    """Return the error of an engine that answered before."""
    return UserError(
        f"the scheduler at {address} is gone ({type(error).__name__}: {one_line(error)}); "
        f"what is done is kept: start it and {RUN_AGAIN}"
    )


def one_line(error: object) -> str:
    """Return the words of an engine's error in one line: of a traceback the last, of others all.

    >>> one_line(ValueError("no  port"))
    'no port'
    """
    text = str(error).strip()
    text = text.rpartition("\n")[2] if "Traceback (" in text else text
    return " ".join(text.split())[:200]
