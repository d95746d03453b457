"""Gradient accumulation: a step's batch in parts, one after another, for less memory.

The gradients of the parts are summed, each by its share of the batch, and the optimizer takes one
step with the sum. So the step is that of the whole batch but for last digits, dropout, which is
drawn for one part after another, and norm layers that learn, the head's always among them, which
see one part at a time.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from stages.batch.batches import Batch


def split_batch(batch: Batch, parts: int) -> Iterator[Batch]:
    """Yield consecutive parts of a batch, as equal as can be, of two images at least.

    A norm cannot learn from one image. A step of fewer images than params ask for, as the shares of
    several processes, has fewer parts.
    """
    count = min(parts, max(1, len(batch.rows) // 2))
    for places in np.array_split(np.arange(len(batch.rows)), count):
        part = slice(places[0], places[-1] + 1)
        yield Batch(images=batch.images[part], targets=batch.targets[part], rows=batch.rows[part])


def exchange_gradients(forward: nn.Module, now: bool) -> AbstractContextManager[None]:
    """Return the context of a part; processes exchange their gradients with the last one alone."""
    if now or not isinstance(forward, DistributedDataParallel):
        return nullcontext()
    context: AbstractContextManager[None] = forward.no_sync()
    return context
