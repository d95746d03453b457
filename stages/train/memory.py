"""Want of memory while training: an error that says which param needs less of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from stages.base.errors import UserError
from stages.base.system_errors import wants_memory


@contextmanager
def memory_advice(images: int) -> Iterator[None]:
    """Turn running out of memory, with so many images in a step, into what to set.

    It holds wherever the memory is wanted: in a step, in validation, or by a thread that brings the
    next batch to the device, whose error is raised where the batch is asked for.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not wants_memory(error):
            raise
        raise UserError(
            f"memory does not suffice for a step of {images} images; set fine_tune.batch_size: "
            f"{max(2, images // 2)}, a larger fine_tune.accumulate, or a smaller augment.size"
        ) from None
