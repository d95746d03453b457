"""The side stream: where a GPU makes batches while it trains on others.

What runs on it comes in order, one thing after the other; it waits for nothing of training, and
training waits for it only where it takes a batch. On a processor all runs at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

# A place in what a stream runs; None where nothing has to be waited for.
Mark: TypeAlias = torch.cuda.Event | None


class SideStream:
    """A stream of a GPU beside the one that trains; each method may be called by any thread."""

    def __init__(self, device: torch.device) -> None:
        """Open a stream of the device."""
        self.device = device
        cuda = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if cuda else None  # type: ignore[no-untyped-call]

    def empty(
        self, *shape: int, dtype: torch.dtype, layout: torch.memory_format = torch.contiguous_format
    ) -> Tensor:
        """Return memory of the device that belongs to this stream."""
        with self._current():
            return torch.empty(shape, dtype=dtype, device=self.device, memory_format=layout)

    def run(self, work: Callable[[], object]) -> None:
        """Run some work, after all before it."""
        with self._current():
            work()

    @contextmanager
    def _current(self) -> Iterator[None]:
        if self._stream is None:
            yield
            return
        with _current_device(self.device), torch.cuda.stream(self._stream):
            yield

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy from pinned memory to the device, after all before it."""
        self.run(partial(target.copy_, source, non_blocking=self._stream is not None))

    def mark(self) -> Mark:
        """Return the place after all that has been given to run so far."""
        if self._stream is None:
            return None
        # Blocking, or a thread that waits would take a core.
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call] # torch's own
        with _current_device(self.device):
            event.record(self._stream)
        return event

    def wait(self, mark: Mark) -> None:
        """Wait, here and now, until the stream has come to a place."""
        if mark is not None:
            mark.synchronize()

    def hand_over(self, mark: Mark, tensors: Sequence[Tensor]) -> None:
        """Let the caller's stream use tensors from a place on; the caller itself does not wait.

        Their memory serves something else only when that stream has done with them too.
        """
        if mark is None:
            return
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(mark)
        for tensor in tensors:
            tensor.record_stream(stream)


@cache
def side_stream_of(device: torch.device) -> SideStream:
    """Return the one side stream of a device: torch keeps freed memory apart for each stream."""
    return SideStream(device)


def pinned_empty(count: int, device: torch.device) -> Tensor:
    """Return count bytes of memory, uint8, from which a GPU copies while the processor goes on."""
    with _current_device(device):
        return torch.empty(count, dtype=torch.uint8, pin_memory=device.type == "cuda")


def _current_device(device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which a GPU is the current one.

    Each thread has a current one, the first at its beginning, where a process whose GPU is another
    would take some hundred MB.
    """
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
