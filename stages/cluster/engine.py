"""Engine: what is asked of a cluster's scheduler, whichever it is."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol


class Finished(NamedTuple):
    """A submission that has ended: with the answer of `on_worker.ask`, or the engine's failure."""

    key: str
    answer: tuple[bytes, bytes] | None
    failure: str = ""  # what the engine says where there is no answer


class Engine(Protocol):
    """A running scheduler with workers, to which this process is connected."""

    @property
    def address(self) -> str:
        """Where the scheduler is, as a person named it."""

    def slots(self) -> dict[str, int]:
        """Return how many tasks each worker takes at once, by its address, as it is now.

        Raises UserError when the scheduler is gone.
        """

    def submit(self, worker: str, run: Mapping[str, Any], payload: bytes) -> str:
        """Let one worker call `on_worker.ask`; return the key of this submission."""

    def finished(self, seconds: float) -> list[Finished]:
        """Wait until a submission has ended, or so long; return all that have."""

    def cancel(self, keys: Iterable[str]) -> None:
        """Forget submissions; those that have not started never will."""

    def close(self) -> None:
        """Disconnect; the engine runs on."""
