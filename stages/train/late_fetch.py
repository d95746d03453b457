"""Late fetch: values on their way from a GPU, for which nobody waits until they are wanted."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LateFetch:
    """A tensor that is being copied to the processor."""

    _values: Tensor
    _copied: torch.cuda.Event | None  # None on a processor, where there is nothing to copy

    def result(self) -> Tensor:
        """Wait for the copy and return it."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._values


def fetch_later(values: Tensor) -> LateFetch:
    """Begin to copy a tensor to the processor, after what computes it; a processor's is itself."""
    if values.device.type != "cuda":
        return LateFetch(values.cpu(), None)
    pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    pinned.copy_(values, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch's own
    copied.record()
    return LateFetch(pinned, copied)
